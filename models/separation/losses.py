"""Losses of the codec and of the discriminative network. They are means, so they do not depend on the batch size.

Waveforms are float, full scale [-1, 1].
Shapes: B batch, T samples, F frequency bins, N STFT frames.
"""

import torch
from torch import Tensor

from data.signal import in_float32, power_spectrum

RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64))  # STFT size and hop, in samples


@in_float32
def magnitude(wave: Tensor, n_fft: int, hop: int) -> Tensor:
    """Return |STFT|, (B, F, N), of waveforms (B, T), at least 1e-4 so that its gradient stays finite in silence."""
    return power_spectrum(wave, n_fft, hop, center=True).clamp_min(1e-8).sqrt()


def multi_resolution(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the multi-resolution STFT loss, a scalar; smaller is better.

    For each resolution it adds the L1 distance of the magnitudes, divided by the mean magnitude of the reference, and
    the L1 distance of their natural logarithms; then it takes the mean over `RESOLUTIONS`. Equal weights of the two
    terms as in Défossez et al. (arXiv 2210.13438) and Yamamoto et al. (arXiv 1910.11480).

    Args:
        reference: true waveforms, (B, T).
        estimate: estimated waveforms, (B, T).
    """
    total = torch.zeros((), device=reference.device)
    for n_fft, hop in RESOLUTIONS:
        true, found = magnitude(reference, n_fft, hop), magnitude(estimate, n_fft, hop)
        total = total + (true - found).abs().mean() / (true.mean() + 1e-3) + (true.log() - found.log()).abs().mean()
    return total / len(RESOLUTIONS)


@in_float32
def negative_snr(reference: Tensor, estimate: Tensor, floor: float = 1e-3) -> Tensor:
    """Return the negative signal-to-noise ratio in dB, averaged over the examples; smaller is better.

    Args:
        reference: true waveforms, (B, T).
        estimate: estimated waveforms, (B, T).
        floor: fraction of the reference's power that is added to the error's; 1e-3 limits the loss to -30 dB. A
            constant of 1e-6, added to both powers, keeps the loss finite for silent references.
    """
    error, signal = (reference - estimate).square().mean(-1), reference.square().mean(-1)
    return (10 * torch.log10((error + floor * signal + 1e-6) / (signal + 1e-6))).mean()
