"""Separates the vocals of any music file with a trained system from the store."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets.environment import Configuration
from assets.store.locks import reading
from assets.store.pointers import get, lock_path
from data.errors import InputError
from data.files.audio import WRITTEN
from data.files.readers import open_sound
from data.files.targets import check_target
from data.progress import Listener
from models.separation.presets import CONDITIONS
from pipelines.definitions import make_graph
from pipelines.settings import Settings

SYSTEMS = ("diffusion", "masks")


@dataclass(frozen=True)
class Method:
    """How to separate.

    Attributes:
        system: "diffusion" (latent diffusion) or "masks" (the discriminative network).
        condition: for diffusion, how the denoiser is conditioned on the mixture, one of `CONDITIONS`.
        steps: for diffusion, number of DDIM steps; None takes the number of the preset.
    """

    system: str = SYSTEMS[0]
    condition: str = CONDITIONS[0]
    steps: int | None = None

    def check(self) -> None:
        """Check the values.

        Raises:
            InputError: a value is not allowed; the message names it and the allowed values.
        """
        if self.system not in SYSTEMS:
            raise InputError(f"{self.system!r} is no system; there are {', '.join(SYSTEMS)}")
        if self.condition not in CONDITIONS:
            raise InputError(f"{self.condition!r} is no conditioning; there are {', '.join(CONDITIONS)}")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"{self.steps} steps; at least one is needed")


def separate(settings: Settings, source: Path, target: Path, method: Method, listener: Listener) -> dict[str, Any]:
    """Separate the vocals of a music file and write them as a file of the same length, rate and channels.

    Args:
        settings: the settings, which name the store and the preset.
        source: music file of any length, sample rate and number of channels.
        target: WAV or FLAC file to write; its folder is created if necessary.
        method: system and its options.
        listener: receives progress reports.

    Returns:
        "input", "output", "system", "model" (folder of the model), and "seconds", "sample_rate" (Hz) and "channels" of
        the file.

    Raises:
        InputError: the file cannot be read, the target cannot be written or is the source, or there is no such system,
            conditioning or trained model. All of that is checked before the work.

    Example:
        >>> separate(Settings.read(), Path("song.mp3"), Path("vocals.wav"), Method("masks"), print)
    """
    method.check()
    with open_sound(source):
        target = check_target(target, WRITTEN, source)

    import torch

    from models.separation.files import separate_file
    from models.separation.load import trained_diffusion, trained_mask_network

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
        done = separate_file(source, target, separator, listener)
    return {"input": str(source), "output": str(target), "system": method.system, "model": str(model), **done}
