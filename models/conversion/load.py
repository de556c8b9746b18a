"""Loads the trained conversion system from the folders of its stages."""

from dataclasses import dataclass
from pathlib import Path

import torch

from models.conversion.acoustic.load import load_acoustic
from models.conversion.content.load import load_content
from models.conversion.convert import Converter
from models.conversion.melody.load import load_extractor
from models.conversion.vocoder.load import load_vocoder


@dataclass(frozen=True)
class Stages:
    """The folders of the stages of a conversion system.

    Attributes:
        melody: melody extractor.
        content: content network.
        acoustic: acoustic model.
        vocoder: vocoder.
    """

    melody: Path
    content: Path
    acoustic: Path
    vocoder: Path

    def all(self) -> tuple[Path, ...]:
        """Return all folders."""
        return self.melody, self.content, self.acoustic, self.vocoder


def load_converter(stages: Stages, device: torch.device) -> Converter:
    """Load a conversion system.

    Raises:
        InputError: a file is missing or damaged.

    Example:
        >>> stages = Stages(*map(Path, ("melody", "content", "acoustic", "vocoder")))
        >>> converter = load_converter(stages, torch.device("cpu"))
    """
    return Converter(
        load_extractor(stages.melody, device),
        load_content(stages.content, device),
        load_acoustic(stages.acoustic, device),
        load_vocoder(stages.vocoder, device),
    )
