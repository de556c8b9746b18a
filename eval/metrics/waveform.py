"""Distances between waveforms, sample by sample. Reference first; smaller is better.

They compare phases too, which a listener hardly hears: a perfect tone a little late scores
worse than silence. Shapes: (T,) or (B, T) in, () or (B,) out.
"""

import numpy as np
import pyloudnorm

from eval.metrics.spectral import validate


def mse(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the mean squared error of samples at full scale [-1, 1]."""
    reference, estimate = validate(reference, estimate)
    return np.square(reference.astype(np.float64) - estimate).mean(-1)


def l1(reference: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    """Return the mean absolute error of samples at full scale [-1, 1]."""
    reference, estimate = validate(reference, estimate)
    return np.abs(reference.astype(np.float64) - estimate).mean(-1)


def loudness(wave: np.ndarray, sample_rate: int) -> float:
    """Return the integrated loudness of (T,) or (T, K) in LUFS (ITU-R BS.1770-4), NaN for silence.

    Silence has no loudness (the gate leaves nothing), so it is not applicable rather than -inf.
    """
    level = pyloudnorm.Meter(sample_rate).integrated_loudness(np.asarray(wave, np.float64))
    return float(level) if np.isfinite(level) else float("nan")


def loudness_error(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Return |loudness of estimate - loudness of reference| of (T,) in dB, NaN if either is silent."""
    reference, estimate = validate(reference, estimate)
    return abs(loudness(estimate, sample_rate) - loudness(reference, sample_rate))
