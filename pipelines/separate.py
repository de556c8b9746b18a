"""Vocals out of anybody's music file, with the systems in the store."""

from pathlib import Path
from typing import Any

from assets.setup import Run, Setup
from assets.store import Store
from data.errors import InputError
from data.progress import Listener
from models.separation.config import CONDITIONS
from pipelines.settings import Settings

SYSTEMS = ("diffusion", "masks")


def separate(
    settings: Settings, source: Path, target: Path, system: str, condition: str, steps: int | None, listener: Listener
) -> dict[str, Any]:
    """Write the vocals of a music file of any length, rate and channel count as WAV; return what was done.

    Raises:
        InputError: no such file, system or conditioning, no trained model, or the target is the source.
    """
    from models.separation.files import separate_file
    from models.separation.load import trained_diffusion, trained_mask_network

    if not source.is_file():
        raise InputError(f"{source}: no such file")
    if target.exists() and target.samefile(source):
        raise InputError(f"{target}: is the song itself; choose another file with -o")
    if system not in SYSTEMS:
        raise InputError(f"{system!r} is no system; there are {', '.join(SYSTEMS)}")
    if condition not in CONDITIONS:
        raise InputError(f"{condition!r} is no conditioning; there are {', '.join(CONDITIONS)}")
    if steps is not None and steps < 1:
        raise InputError(f"{steps} steps; at least one is needed")
    resources = settings.resources()
    store: Store = resources["store"]  # type: ignore[assignment]
    setup: Setup = resources["setup"]  # type: ignore[assignment]
    config, device = setup.separation(Run(), condition), setup.torch_device()
    if system == "masks":
        model = store.current("separation_mask_network")
        separator = trained_mask_network(model, config, device)
    else:
        model = store.current("separation_denoiser", condition)
        separator = trained_diffusion(store.current("separation_codec"), model, config, device, steps)
    target.parent.mkdir(parents=True, exist_ok=True)
    facts = separate_file(source, target, separator, listener)
    return {"input": str(source), "output": str(target), "system": system, "model": str(model), **facts}
