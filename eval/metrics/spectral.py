"""Distances between magnitude spectra of two waveforms.

Conventions: the reference is the first argument; smaller values are better. Waveforms are float, full scale [-1, 1],
both at the same sample rate. Each metric takes one waveform (T,) or a batch (B, T) and returns one value for each
waveform, shape () or (B,).

Shapes: B batch, T samples.

References: Défossez et al., SING, NeurIPS 2018, section 3.2 (`log_power_l1`); Yamamoto et al.,
Parallel WaveGAN, ICASSP 2020, section 2.2 (`multi_resolution`).
"""

import numpy as np
import torch
from torch import Tensor

from data.signal import log_power, power_spectrum

_RANGE = 70.0  # dB below the strongest magnitude of the reference at which the log distances of `multi_resolution` end
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))


def validate(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check a reference and an estimate of any shape and return both as float32 arrays.

    Raises:
        ValueError: the shapes differ, the arrays are empty, or a sample is NaN or infinite.
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
    """Return the spectral loss of SING: the mean absolute difference of log power spectra.

    It is the mean of |l(reference) - l(estimate)| over frequency bins and frames, with l = log(1 + |STFT|²), the
    natural logarithm, FFT size 1024, hop 256 and a periodic Hann window (SING, section 3.2; the metric of its Table 1).

    It does not show differences below about -48 dBFS. For a pure tone, an estimate that is a semitone off has nearly
    the same loss as silence, so read it together with the pitch error.

    Args:
        reference: true waveforms, float, full scale [-1, 1], shape (T,) or (B, T).
        estimate: estimated waveforms, same shape.
        margin: number of zeros added at both ends; notes in the paper are padded in this way.

    Returns:
        The loss of each waveform, shape () or (B,); smaller is better.

    Raises:
        ValueError: as `validate`.

    Example:
        >>> float(log_power_l1(recording, synthesised))
    """
    reference, estimate = validate(reference, estimate)
    width = [(0, 0)] * (reference.ndim - 1) + [(margin, margin)]
    spectra = [log_power(torch.from_numpy(np.pad(wave, width))) for wave in (reference, estimate)]
    return (spectra[0] - spectra[1]).abs().mean((-1, -2)).numpy()


def multi_resolution(
    reference: np.ndarray, estimate: np.ndarray, *, resolutions: tuple[tuple[int, int], ...] = RESOLUTIONS
) -> np.ndarray:
    """Return the multi-resolution STFT distance (Parallel WaveGAN, section 2.2).

    At each resolution it is the spectral convergence |M - M̂|_F / |M|_F plus the mean of |log M - log M̂| over all
    frames and bins, where M and M̂ are the magnitudes of the centred STFTs of reference and estimate and log is the
    natural logarithm. For the logarithms both are raised to a floor of 70 dB below the largest M of the waveform (the
    paper's floor is 1e-5, whatever the level): otherwise digital silence in a reference rules the mean, where any
    estimate, however faint, is far from it. The result is the mean over the resolutions.

    Args:
        reference: true waveforms, float, full scale [-1, 1], shape (T,) or (B, T).
        estimate: estimated waveforms, same shape.
        resolutions: (FFT size, hop) of each resolution, in samples.

    Returns:
        The distance of each waveform, shape () or (B,); smaller is better. NaN if the reference is silent, because the
        spectral convergence is then undefined.

    Raises:
        ValueError: as `validate`, or the waveforms are not longer than half of the longest FFT.

    Example:
        >>> noise = 0.1 * np.random.default_rng(0).standard_normal(16000)
        >>> round(float(multi_resolution(noise, noise / 2)), 2)  # 0.5 + log 2
        1.19
    """
    reference, estimate = validate(reference, estimate)
    shortest = max(n_fft for n_fft, _ in resolutions) // 2 + 1
    if reference.shape[-1] < shortest:
        raise ValueError(f"waveforms of {reference.shape[-1]} samples; at least {shortest} are needed")
    found = MultiResolution(resolutions)
    pair = torch.tensor(reference), torch.tensor(estimate)
    for number, (n_fft, hop) in enumerate(resolutions):
        powers = [power_spectrum(wave, n_fft, hop, center=True) for wave in pair]
        found.survey(number, powers[0])
        found.add(number, *powers)
    return found.distance


class MultiResolution:
    """The multi-resolution STFT distance of sounds whose spectra are seen block by block (`multi_resolution`).

    At each resolution all blocks of the reference go through `survey` before the first goes through `add`.

    Args:
        resolutions: (FFT size, hop) of each resolution, in samples.
    """

    def __init__(self, resolutions: tuple[tuple[int, int], ...] = RESOLUTIONS) -> None:
        self.resolutions = resolutions
        self._largest = [torch.zeros(()) for _ in resolutions]
        self._sums = [[torch.zeros((), dtype=torch.float64)] * 3 for _ in resolutions]
        self._count = [0 for _ in resolutions]

    def survey(self, number: int, true: Tensor) -> None:
        """See the power (..., F, N) of a block of the reference at resolution `number` for the first time."""
        self._largest[number] = torch.maximum(self._largest[number], true.amax((-1, -2)).sqrt())

    def add(self, number: int, true: Tensor, found: Tensor) -> None:
        """See the powers (..., F, N) of a block of reference and estimate at resolution `number`."""
        true, found = true.sqrt(), found.sqrt()
        floor = (self._largest[number] * 10 ** (-_RANGE / 20)).clamp_min(1e-20)[..., None, None]
        logs = [torch.maximum(one, floor).log() for one in (true, found)]
        new = (true - found).square(), true.square(), (logs[0] - logs[1]).abs()
        sums = zip(self._sums[number], new, strict=True)
        self._sums[number] = [before + one.sum((-1, -2)).double() for before, one in sums]
        self._count[number] += true.shape[-1] * true.shape[-2]

    @property
    def distance(self) -> np.ndarray:
        """The distance of each sound, shape (...); NaN where the reference is silent."""
        total = torch.zeros(self._largest[0].shape)
        for (error, true, logs), count in zip(self._sums, self._count, strict=True):
            total += error.float().sqrt() / true.float().sqrt() + logs.float() / count
        silent = torch.stack(self._largest).amax(0) == 0
        return np.where(silent.numpy(), np.nan, (total / len(self.resolutions)).numpy())
