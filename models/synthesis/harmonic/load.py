"""Loads trained networks of the variant `harmonic`."""

from pathlib import Path

import torch

from models.synthesis.harmonic.config import HarmonicSizes
from models.synthesis.harmonic.networks import HarmonicAutoencoder, HarmonicSing
from models.training.checkpoint import load


def load_harmonic_autoencoder(folder: Path, device: torch.device) -> HarmonicAutoencoder:
    """Load the autoencoder that stage 1 wrote to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    checkpoint = load(folder / "model")
    network = HarmonicAutoencoder(HarmonicSizes(**checkpoint.metadata["harmonic"]))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def load_harmonic(folder: Path, device: torch.device) -> HarmonicSing:
    """Load the network that stage 3 wrote to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the checkpoint is missing or damaged.

    Example:
        >>> network = load_harmonic(Path("stage-3"), torch.device("cpu"))
    """
    checkpoint = load(folder / "model")
    network = HarmonicSing(HarmonicSizes(**checkpoint.metadata["harmonic"]))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)
