"""The delay of an estimate against its reference.

Energy ratios are ruined by a delay that nobody hears: MP3 and AAC encoders shift sound by some 25 to 50 ms. So the
delay is measured and told beside them; nothing is shifted.

Shapes: T samples, K channels.
"""

import numpy as np
from scipy.signal import correlate, correlation_lags

REACH = 0.1  # seconds
_LEAST, _CLEARLY = 0.1, 1.02


def best_lag(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Return by how much an estimate lags behind its reference, in ms.

    It is the delay of at most 0.1 s at which the correlation of the sums of the channels is largest; 0 unless it is 2 %
    larger there than without a delay, because a voice is nearly periodic.

    Args:
        reference: true source, float, (T, K).
        estimate: estimated source, same shape.
        sample_rate: in Hz.

    Returns:
        The delay in ms, negative for an estimate that comes too early. NaN if one of both is silent, or if they have
        so little in common at any delay (correlation below 0.1) that the delay would say nothing.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> voice = np.random.default_rng(0).standard_normal((16_000, 1))
        >>> best_lag(voice, np.roll(voice, 160, axis=0), 16_000)
        10.0
    """
    if np.shape(reference) != np.shape(estimate):
        raise ValueError(f"reference {np.shape(reference)} and estimate {np.shape(estimate)} differ in shape")
    true, found = (np.asarray(one, np.float64).sum(1) for one in (reference, estimate))
    size = float(np.linalg.norm(true) * np.linalg.norm(found))
    if size == 0:
        return float("nan")
    correlation = correlate(found, true, method="fft") / size
    lags = correlation_lags(len(found), len(true))
    near = np.abs(lags) <= REACH * sample_rate
    correlation, lags = correlation[near], lags[near]
    best = int(np.argmax(correlation))
    if correlation[best] < _LEAST:
        return float("nan")
    here = float(correlation[lags == 0][0])
    return 0.0 if correlation[best] <= _CLEARLY * here else 1000 * float(lags[best]) / sample_rate
