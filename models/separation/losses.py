"""Losses of the codec and of the discriminative network. Means, so they do not depend on batch size.

Shapes: B batch, T samples.
"""

import torch
from torch import Tensor

from data.signal import power_spectrum

RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64))


def magnitude(wave: Tensor, n_fft: int, hop: int) -> Tensor:
    """Return |STFT| of (B, T) with a floor of 1e-4, so that its gradient stays finite in silence."""
    return power_spectrum(wave, n_fft, hop, center=True).clamp_min(1e-8).sqrt()


def multi_resolution(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the mean over resolutions of the L1 distances of magnitudes, relative to the reference's, and of logs.

    Defossez et al. (arXiv 2210.13438) and Yamamoto et al. (arXiv 1910.11480) weigh them alike.
    """
    total = torch.zeros((), device=reference.device)
    for n_fft, hop in RESOLUTIONS:
        true, found = magnitude(reference, n_fft, hop), magnitude(estimate, n_fft, hop)
        total = total + (true - found).abs().mean() / (true.mean() + 1e-3) + (true.log() - found.log()).abs().mean()
    return total / len(RESOLUTIONS)


def negative_snr(reference: Tensor, estimate: Tensor, floor: float = 1e-3) -> Tensor:
    """Return the mean over examples of 10 log10 (error / reference), energies with a floor that bounds silence."""
    error, signal = (reference - estimate).square().mean(-1), reference.square().mean(-1)
    return (10 * torch.log10((error + floor * signal + 1e-6) / (signal + 1e-6))).mean()
