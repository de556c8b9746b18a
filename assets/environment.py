"""What the environment decides for every asset, and the configuration of one run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from data.configuration import override
from models.separation import presets as separation
from models.separation.config import SeparationConfig
from models.synthesis import presets as synthesis
from models.synthesis.config import SynthesisConfig

DATA, EMBEDDED = "data", "embedded"


@dataclass(frozen=True)
class Environment:
    """The settings of one home: where everything lies, which preset, which data, which device.

    Attributes:
        home: the folder of the store and the downloads.
        preset: "demo", "small" or "paper".
        nsynth: folder, archive or URL of NSynth, or "official"; empty for the embedded notes.
        musdb: folder or zip of MUSDB18 or MUSDB18-HQ, or their names; empty for the embedded songs.
        codec: name of the published codec that separation uses; empty for one trained here.
        separators: published separators evaluated beside ours, such as "umxhq,hdemucs=FILE".
        device: "auto", "cpu" or "cuda".
        most_quarantined: share of notes that may be unusable before the shards are refused.
        most_bad_tracks: the same for tracks.
    """

    home: Path
    preset: str = "demo"
    nsynth: str = ""
    musdb: str = ""
    codec: str = ""
    separators: str = ""
    device: str = "auto"
    most_quarantined: float = 0.01
    most_bad_tracks: float = 0.1

    @property
    def store(self) -> Path:
        """The folder of all versions of all assets."""
        return self.home / "store"

    @property
    def downloads(self) -> Path:
        """The folder for downloaded and embedded raw data."""
        return self.home / "downloads"

    @property
    def turn(self) -> Path:
        """The lock that one training at a time holds."""
        return self.home / "locks" / "training.lock"

    def torch_device(self) -> str:
        """Return the name of the torch device to train and generate on.

        Raises:
            InputError: a GPU is asked for and there is none.
        """
        import torch

        from data.errors import InputError

        found = torch.cuda.is_available()
        if self.device == "cuda" and not found:
            raise InputError("TESSITURA_DEVICE=cuda: torch finds no GPU here; set it to auto or cpu")
        return "cuda" if found and self.device != "cpu" else "cpu"


@dataclass(frozen=True)
class Configuration:
    """The configuration of one run: the preset of its environment, a variant of the system, overrides.

    Attributes:
        environment: the settings.
        variant: row of an ablation; "" for the main one.
        overrides: fields of the system's configuration by path, such as {"fine_tune.steps": 2000}.
    """

    environment: Environment
    variant: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def synthesis(self) -> SynthesisConfig:
        """The configuration of the synthesis system.

        Raises:
            InputError: an override names no field of it, or has another type.
        """
        config = override(synthesis.PRESETS[self.environment.preset], self.overrides)
        return synthesis.variant(config, self.variant or synthesis.VARIANTS[0])

    @cached_property
    def separation(self) -> SeparationConfig:
        """The configuration of the separation system.

        Raises:
            InputError: an override names no field of it, or has another type.
        """
        preset = separation.with_published_codec(separation.PRESETS[self.environment.preset], self.environment.codec)
        config = override(preset, self.overrides)
        return separation.with_conditioning(config, self.variant or separation.CONDITIONS[0])
