"""Trained systems taken from their folders, ready to separate."""

from pathlib import Path

import torch

from models.separation.config import SeparationConfig
from models.separation.separate import Sampling, Separator, diffusion_separator, masking_separator
from models.separation.train import load_codec, load_denoiser, load_masker


def trained_diffusion(
    codec: Path, denoiser: Path, config: SeparationConfig, device: torch.device, steps: int | None = None
) -> Separator:
    """Return latent diffusion as trained in the folders, with the preset's number of steps or another."""
    sampling = Sampling(steps or config.steps, config.segment, config.overlap)
    return diffusion_separator(load_codec(codec, device), *load_denoiser(denoiser, device), sampling)


def trained_masker(folder: Path, config: SeparationConfig, device: torch.device) -> Separator:
    """Return the discriminative network as trained in the folder."""
    return masking_separator(load_masker(folder, device), config.audio.sample_rate)
