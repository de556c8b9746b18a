"""Distances between spectra. Reference first, always; smaller is better.

Conventions: waveforms are float, full scale [-1, 1], at one sample rate; every function takes
(T,) or (B, T) and returns one number a waveform, shape () or (B,).

References: Défossez et al., SING, NeurIPS 2018, section 3.2 (`log_power_l1`); Yamamoto et al.,
Parallel WaveGAN, ICASSP 2020, section 2.2 (`multi_resolution`).
"""

import numpy as np
import torch

from data.signal import log_power, power_spectrum

RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))


def validate(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as float32 arrays of equal shape.

    Raises:
        ValueError: shapes differ, a waveform is empty, or a sample is NaN or infinite.
    """
    reference, estimate = np.asarray(reference, np.float32), np.asarray(estimate, np.float32)
    if reference.shape != estimate.shape:
        raise ValueError(f"reference {reference.shape} and estimate {estimate.shape} differ in shape")
    if reference.size == 0:
        raise ValueError("empty waveforms")
    for name, wave in (("reference", reference), ("estimate", estimate)):
        if not np.isfinite(wave).all():
            raise ValueError(f"{name} holds {np.count_nonzero(~np.isfinite(wave))} samples that are NaN or infinite")
    return reference, estimate


def log_power_l1(reference: np.ndarray, estimate: np.ndarray, *, margin: int = 512) -> np.ndarray:
    """Return the mean over bins and frames of |l(reference) - l(estimate)|, l = log(1 + |STFT|²).

    SING's spectral loss and the measure of its Table 1: FFT 1024, hop 256, periodic Hann, natural
    logarithm. It hides what lies below -48 dBFS and cannot tell a semitone from silence on a pure
    tone: read it beside the pitch.

    Args:
        reference: (T,) or (B, T).
        estimate: the same shape.
        margin: zeros added at both ends, as the paper's padded notes have.

    Returns:
        () or (B,).
    """
    reference, estimate = validate(reference, estimate)
    width = [(0, 0)] * (reference.ndim - 1) + [(margin, margin)]
    spectra = [log_power(torch.from_numpy(np.pad(wave, width))) for wave in (reference, estimate)]
    return (spectra[0] - spectra[1]).abs().mean((-1, -2)).numpy()


def multi_resolution(
    reference: np.ndarray, estimate: np.ndarray, *, resolutions: tuple[tuple[int, int], ...] = RESOLUTIONS
) -> np.ndarray:
    """Return the multi-resolution STFT distance.

    At each resolution, with magnitudes M of the centred STFT (floor 1e-5), the spectral
    convergence |M - M̂|_F / |M|_F plus the mean of |log M - log M̂|; then the mean over resolutions.
    A silent reference has no spectral convergence: its result is NaN, not applicable.

    Args:
        reference: (T,) or (B, T).
        estimate: the same shape.
        resolutions: (FFT size, hop) in samples.

    Returns:
        () or (B,).

    Raises:
        ValueError: as `validate`, or the waveforms are no longer than half of the longest FFT.
    """
    reference, estimate = validate(reference, estimate)
    shortest = max(n_fft for n_fft, _ in resolutions) // 2 + 1
    if reference.shape[-1] < shortest:
        raise ValueError(f"waveforms of {reference.shape[-1]} samples; at least {shortest} are needed")
    silent = np.abs(reference).max(-1) == 0
    total = torch.zeros(reference.shape[:-1])
    for n_fft, hop in resolutions:
        true, found = (
            power_spectrum(torch.tensor(wave), n_fft, hop, center=True).clamp_min(1e-10).sqrt()
            for wave in (reference, estimate)
        )
        convergence = (true - found).square().sum((-1, -2)).sqrt() / true.square().sum((-1, -2)).sqrt()
        total += convergence + (true.log() - found.log()).abs().mean((-1, -2))
    return np.where(silent, np.nan, (total / len(resolutions)).numpy())
