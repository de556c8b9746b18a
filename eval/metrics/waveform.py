"""Sample-by-sample distances between two waveforms, and loudness.

Conventions: the reference is the first argument; waveforms are float, full scale [-1, 1]; smaller distances are better.

`mse` and `l1` also compare phases, which listeners hardly hear: a perfect tone with a small delay can score worse than
silence.

Shapes: B batch, T samples, K channels.
"""

import numpy as np
import pyloudnorm

from eval.metrics.spectral import validate


def mse(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the mean squared error of waveforms (T,) or (B, T): one value for each, shape () or (B,).

    Raises:
        ValueError: as `eval.metrics.spectral.validate`.
    """
    reference, estimate = validate(reference, estimate)
    return np.square(reference.astype(np.float64) - estimate).mean(-1)


def l1(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the mean absolute error of waveforms (T,) or (B, T): one value for each, shape () or (B,).

    Raises:
        ValueError: as `eval.metrics.spectral.validate`.
    """
    reference, estimate = validate(reference, estimate)
    return np.abs(reference.astype(np.float64) - estimate).mean(-1)


def loudness(wave: np.ndarray, sample_rate: int) -> float:
    """Return the integrated loudness of a sound in LUFS (ITU-R BS.1770-4).

    Args:
        wave: float, full scale [-1, 1], shape (T,) or (T, K) with at most 5 channels.
        sample_rate: in Hz.

    Returns:
        The loudness in LUFS; NaN for silence, because the gate of the standard then removes all blocks.

    Raises:
        ValueError: the sound is shorter than 0.4 s or has more than 5 channels.
    """
    level = pyloudnorm.Meter(sample_rate).integrated_loudness(np.asarray(wave, np.float64))
    return float(level) if np.isfinite(level) else float("nan")


def loudness_error(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Return the absolute difference in loudness between an estimate and its reference in dB (LU).

    Args:
        reference: true sound, float, shape (T,).
        estimate: estimated sound, same shape.
        sample_rate: in Hz.

    Returns:
        The difference in dB, 0 or more; NaN if either sound is silent.

    Raises:
        ValueError: as `eval.metrics.spectral.validate` and `loudness`.

    Example:
        >>> round(loudness_error(tone, tone / 2, 16000), 2)
        6.02
    """
    reference, estimate = validate(reference, estimate)
    return abs(loudness(estimate, sample_rate) - loudness(reference, sample_rate))
