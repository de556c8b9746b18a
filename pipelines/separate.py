"""Vocals out of anybody's music file, with the systems in the store."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets.environment import Configuration
from assets.store.locks import reading
from assets.store.pointers import get, lock_path
from data.errors import InputError
from data.progress import Listener
from models.separation.presets import CONDITIONS
from pipelines.definitions import make_graph
from pipelines.settings import Settings

SYSTEMS = ("diffusion", "masks")


@dataclass(frozen=True)
class Method:
    """How to separate: by which system; diffusion conditioned how, in how many steps (the preset's by default)."""

    system: str = SYSTEMS[0]
    condition: str = CONDITIONS[0]
    steps: int | None = None

    def check(self) -> None:
        """Refuse what there is not.

        Raises:
            InputError: names the value and what there is.
        """
        if self.system not in SYSTEMS:
            raise InputError(f"{self.system!r} is no system; there are {', '.join(SYSTEMS)}")
        if self.condition not in CONDITIONS:
            raise InputError(f"{self.condition!r} is no conditioning; there are {', '.join(CONDITIONS)}")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"{self.steps} steps; at least one is needed")


def separate(settings: Settings, source: Path, target: Path, method: Method, listener: Listener) -> dict[str, Any]:
    """Write the vocals of a music file of any length, rate and channel count as WAV; return what was done.

    Raises:
        InputError: no such file, system or conditioning, no trained model, or the target is the source.
    """
    import torch

    from models.separation.files import separate_file
    from models.separation.load import trained_diffusion, trained_mask_network

    if not source.is_file():
        raise InputError(f"{source}: no such file")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target}: is the song itself; choose another file with -o")
    method.check()
    graph = make_graph(settings)
    variant = method.condition if method.condition != CONDITIONS[0] else ""
    run, device = Configuration(graph.environment, variant), torch.device(graph.environment.torch_device())

    def folder(name: str) -> Path:
        return get(graph.registry.assets[name].slot(run))

    model = folder("separation_mask_network" if method.system == "masks" else "separation_denoiser")
    codec = None if method.system == "masks" else folder("separation_codec")
    with reading(lock_path(one) for one in (model, codec) if one is not None):
        if codec is None:
            separator = trained_mask_network(model, device)
        else:
            sampling = run.separation.sampling
            sampling = sampling if method.steps is None else replace(sampling, steps=method.steps)
            separator = trained_diffusion(codec, model, sampling, device)
        target.parent.mkdir(parents=True, exist_ok=True)
        done = separate_file(source, target, separator, listener)
    return {"input": str(source), "output": str(target), "system": method.system, "model": str(model), **done}
