"""Loads the trained conversion system from the folders of its stages."""

from dataclasses import dataclass
from pathlib import Path

import torch

from data.shards.reader import Shards
from models.conversion.acoustic.load import load_acoustic
from models.conversion.content.load import load_content
from models.conversion.convert import Converter
from models.conversion.key import Range
from models.conversion.melody.load import load_extractor
from models.conversion.vocoder.load import load_vocoder


@dataclass(frozen=True)
class Stages:
    """The folders of the stages of a conversion system.

    Attributes:
        voices: shards of the voices, whose metadata have the range of the target singer.
        melody: melody extractor.
        content: content network.
        acoustic: acoustic model.
        vocoder: vocoder.
    """

    voices: Path
    melody: Path
    content: Path
    acoustic: Path
    vocoder: Path

    def all(self) -> tuple[Path, ...]:
        """Return all folders."""
        return self.voices, self.melody, self.content, self.acoustic, self.vocoder


def load_converter(stages: Stages, device: torch.device) -> Converter:
    """Load a conversion system.

    Raises:
        InputError: a file is missing or damaged.

    Example:
        >>> stages = Stages(*map(Path, ("voices", "melody", "content", "acoustic", "vocoder")))
        >>> converter = load_converter(stages, torch.device("cpu"))
    """
    return Converter(
        load_extractor(stages.melody, device),
        load_content(stages.content, device),
        load_acoustic(stages.acoustic, device),
        load_vocoder(stages.vocoder, device),
        Range(*(float(one) for one in Shards(stages.voices).metadata["target_f0"])),
    )
