"""Resamples whole recordings with torch alone, by an FFT: the band that both rates share is kept as it is.

Shapes: T samples, K channels.
"""

import math

import numpy as np
import torch


def resampled(wave: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return a recording at another sample rate.

    Args:
        wave: (T, K) float32.
        rate: its sample rate in Hz.
        wanted: sample rate of the result in Hz.

    Returns:
        (T · wanted / rate rounded up, K) float32; `wave` itself where the rates are the same.

    Example:
        >>> resampled(np.zeros((44_100, 2), np.float32), 44_100, 16_000).shape
        (16000, 2)
    """
    if rate == wanted:
        return wave
    step = rate // math.gcd(rate, wanted)
    count = step * -(-(len(wave) + rate // 2) // step)  # half a second of silence keeps both ends apart
    spectrum = torch.fft.rfft(torch.from_numpy(np.ascontiguousarray(wave)), count, dim=0)
    length = count * wanted // rate
    kept = spectrum[: min(count, length) // 2 + 1]
    found = torch.fft.irfft(kept, length, dim=0) * (length / count)
    return found[: -(-len(wave) * wanted // rate)].numpy()
