"""What the environment decides for every asset: preset, data, device; and what one run may change."""

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import dagster as dg

from data.errors import InputError
from models.separation import config as separation
from models.separation.config import SeparationConfig, with_conditioning, with_published_codec
from models.synthesis.config import PRESETS, SynthesisConfig, variant

if TYPE_CHECKING:
    from eval.separation.acceptance import Bounds as SeparationBounds
    from eval.synthesis.acceptance import Bounds


class Run(dg.Config):
    """What a single run may change, in the launchpad. Nothing needs to be said.

    Attributes:
        overrides: fields of the preset by path, e.g. {"fine_tune.steps": 2000}.
    """

    overrides: dict[str, Any] = {}  # noqa: RUF012 (pydantic copies it)


class Setup(dg.ConfigurableResource):
    """Preset, data and device of this environment.

    Attributes:
        preset: "demo", "small" or "paper".
        nsynth: folder, archive or URL of NSynth; empty for the embedded demo notes.
        musdb: folder or zip of MUSDB18 or MUSDB18-HQ; empty for the embedded songs.
        codec: published codec that separation uses; empty for one trained here.
        separators: published separators judged beside ours, "umxhq,hdemucs=FILE" for one.
        device: "auto", "cpu" or "cuda".
        downloads: folder for downloaded and generated raw data.
        most_quarantined: share of notes that may be quarantined before the shards are refused.
        most_bad_tracks: the same for tracks.
    """

    preset: str = "demo"
    nsynth: str = ""
    musdb: str = ""
    codec: str = ""
    separators: str = ""
    device: str = "auto"
    downloads: str = ""
    most_quarantined: float = 0.01
    most_bad_tracks: float = 0.1

    def synthesis(self, run: Run, row: str | None = None) -> SynthesisConfig:
        """Return the preset with the run's overrides, changed to a row of Table 1 if one is named."""
        config = override(PRESETS[self.preset], run.overrides)
        return config if row is None else variant(config, row)

    def separation(self, run: Run, condition: str | None = None) -> SeparationConfig:
        """Return the preset with the run's overrides, the mixture conditioning as named if it is."""
        config = override(with_published_codec(separation.PRESETS[self.preset], self.codec), run.overrides)
        return config if condition is None else with_conditioning(config, condition)

    def bounds(self) -> "Bounds":
        """Return what the preset asks of a model before it may be promoted."""
        from eval.synthesis.acceptance import Bounds

        asked = PRESETS[self.preset].thresholds
        return Bounds(asked.silence_ratio, asked.nearest_required, asked.pitch_accuracy)

    def separation_bounds(self) -> "SeparationBounds":
        """Return what the preset asks of the separation systems."""
        from eval.separation.acceptance import Bounds

        asked = separation.PRESETS[self.preset].thresholds
        return Bounds(asked.mask_usdr, asked.below_ceiling)

    def torch_device(self) -> Any:
        """Return the torch device to train and generate on."""
        import torch

        if self.device != "auto":
            return torch.device(self.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def override(config: Any, overrides: dict[str, Any]) -> Any:
    """Return a (nested) dataclass with fields replaced, by dotted path.

    Raises:
        InputError: a path names no field, or a value has another type than the field.
    """
    for path, value in overrides.items():
        config = _replaced(config, path.split("."), value, path)
    return config


def _replaced(config: Any, names: list[str], value: Any, path: str) -> Any:
    known = [one.name for one in fields(config)] if is_dataclass(config) else []
    if names[0] not in known:
        raise InputError(f"override {path!r}: no field {names[0]!r}; there are {', '.join(known) or 'none below it'}")
    current = getattr(config, names[0])
    if len(names) > 1:
        return replace(config, **{names[0]: _replaced(current, names[1:], value, path)})
    if isinstance(current, tuple) and isinstance(value, list):
        value = tuple(value)
    if isinstance(current, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(current):
        raise InputError(f"override {path!r}: {value!r} is no {type(current).__name__} (now {current!r})")
    return replace(config, **{names[0]: value})
