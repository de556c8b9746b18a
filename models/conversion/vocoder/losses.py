"""Losses of the vocoder: mel spectrogram, multi-resolution STFT, adversarial (least squares) and feature matching.

Each loss is a scalar; smaller is better. Shapes: B batch, T samples.
"""

import torch
from torch import Tensor

from data.signal import power_spectrum
from models.conversion.mel import log_mel
from models.conversion.vocoder.discriminators import Judgement

RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))  # FFT size and hop in samples
_SILENT = 1e-2  # power of an STFT from which the convergence is relative; below, a gradient could be of any size


def mel_distance(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the mean absolute difference of the log mel spectrograms of waves (B, T)."""
    return (log_mel(reference) - log_mel(estimate)).abs().mean()


def stft_distance(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the multi-resolution STFT distance of Parallel WaveGAN (Yamamoto et al., ICASSP 2020, section 2.2).

    At each resolution it is the spectral convergence |M - M̂|_F / |M|_F, of each wave, plus the mean of |log M - log M̂|;
    magnitudes are at least 1e-5. The result is the mean over waves and resolutions.

    Args:
        reference: true waves, (B, T), T at least 1025.
        estimate: generated waves, same shape.

    Example:
        >>> stft_distance(wave, wave)
        tensor(0.)
    """
    total = reference.new_zeros(())
    for n_fft, hop in RESOLUTIONS:
        true, found = (
            power_spectrum(one.float(), n_fft, hop, center=True).clamp_min(1e-10).sqrt()
            for one in (reference, estimate)
        )
        power, error = true.square().sum((1, 2)), (true - found).square().sum((1, 2))
        convergence = (error.clamp(min=1e-12) / power.clamp(min=_SILENT)).sqrt()
        total = total + convergence.mean() + (true.log() - found.log()).abs().mean()
    return total / len(RESOLUTIONS)


def discriminator_loss(true: list[Judgement], made: list[Judgement]) -> Tensor:
    """Return the loss of the discriminators: true waves shall score 1 and generated waves 0 (LSGAN)."""
    pairs = zip(true, made, strict=True)
    return torch.stack([(1 - real).square().mean() + fake.square().mean() for (real, _), (fake, _) in pairs]).sum()


def adversarial_loss(made: list[Judgement]) -> Tensor:
    """Return the adversarial loss of the generator: its waves shall score 1."""
    return torch.stack([(1 - score).square().mean() for score, _ in made]).sum()


def feature_loss(true: list[Judgement], made: list[Judgement]) -> Tensor:
    """Return the sum over all layers of all discriminators of the mean absolute difference of their outputs."""
    differences = [
        (one.detach() - other).abs().mean()
        for (_, real), (_, fake) in zip(true, made, strict=True)
        for one, other in zip(real, fake, strict=True)
    ]
    return torch.stack(differences).sum()
