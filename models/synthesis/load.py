"""Loads what the three stages trained, whichever networks they were: SING's or those of the variant `harmonic`.

The file model.json beside the weights tells which they are.
"""

from pathlib import Path

import torch

from data.files.checked_json import read_checked_json
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.harmonic.load import load_harmonic, load_harmonic_autoencoder
from models.synthesis.harmonic.networks import HarmonicAutoencoder, HarmonicSing
from models.synthesis.sing import Sing
from models.synthesis.train import load_autoencoder, load_sing

Player = Sing | HarmonicSing
Rebuilder = Autoencoder | HarmonicAutoencoder


def load_player(folder: Path, device: torch.device) -> Player:
    """Load the network that stage 3 wrote to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the checkpoint is missing or damaged.

    Example:
        >>> wave = load_player(Path("stage-3"), torch.device("cpu"))(instrument, pitch, velocity)
    """
    return load_harmonic(folder, device) if _is_harmonic(folder) else load_sing(folder, device)


def load_rebuilder(folder: Path, device: torch.device) -> Rebuilder:
    """Load the autoencoder that stage 1 wrote to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    return load_harmonic_autoencoder(folder, device) if _is_harmonic(folder) else load_autoencoder(folder, device)


def _is_harmonic(folder: Path) -> bool:
    """Return whether the networks in `folder` are those of the variant; False, too, for what cannot be read."""
    described = folder / "model.json"
    try:
        return "harmonic" in read_checked_json(described)
    except (OSError, ValueError):
        return False  # the function that loads it then says what is wrong with it
