"""Shifts the formants of a voice without its pitch, and its pitch without its formants.

The envelope of each spectrum is found by its cepstrum, and moved along the frequency axis.

Shapes: T samples at 16 kHz, F frequencies, N frames of the STFT.
"""

import numpy as np
import torch
from torch import Tensor

from data.files.audio import resample

_N_FFT, _HOP = 1024, 256
_LIFTER = 20  # cepstral coefficients of an envelope: 1.25 ms, shorter than the period of nearly any sung note
_ROUNDS = 12  # rounds in which an envelope is found
_MOST = 3.0  # largest change of a magnitude, in nepers


def move_formants(wave: np.ndarray, ratio: float) -> np.ndarray:
    """Return a voice whose formants lie at `ratio` times their frequencies, at the same pitch and in the same time.

    Args:
        wave: (T,) float32, 16 kHz.
        ratio: above 1 for a shorter vocal tract.

    Example:
        >>> move_formants(np.zeros(16_000, np.float32), 1.1).shape
        (16000,)
    """
    if ratio == 1:
        return wave
    window = torch.hann_window(_N_FFT)
    padded = torch.from_numpy(np.pad(wave, (_N_FFT, 2 * _N_FFT)))
    spectrum = torch.stft(padded, _N_FFT, _HOP, window=window, return_complex=True)  # (F, N)
    envelope = _envelope(spectrum.abs())
    gain = (_stretched(envelope, ratio) - envelope).clamp(-_MOST, _MOST).exp()
    moved = torch.istft(spectrum * gain, _N_FFT, _HOP, window=window, length=len(padded))
    return moved.numpy()[_N_FFT : _N_FFT + len(wave)]


def shift_pitch(wave: np.ndarray, speed: float) -> np.ndarray:
    """Return a voice played at `speed`, so that its pitch is `speed` times as high, with its formants kept.

    Args:
        wave: (T,) float32, 16 kHz.
        speed: above 1 for a higher pitch, and a shorter recording of about T / speed samples.
    """
    if speed == 1:
        return wave
    return move_formants(resample(wave, speed, 1.0).astype(np.float32), 1 / speed)


def _envelope(magnitude: Tensor) -> Tensor:
    """Return the natural logarithm of the envelope of magnitudes, (F, N) both.

    The spectrum is smoothed again and again, each time with its valleys filled up to what was found before, so that the
    envelope lies on the harmonics and not between them and the valleys.
    """
    spectrum = magnitude.clamp(min=1e-6).log()
    envelope = torch.full_like(spectrum, -torch.inf)
    for _ in range(_ROUNDS):
        cepstrum = torch.fft.irfft(torch.maximum(spectrum, envelope), dim=0)
        cepstrum[_LIFTER : len(cepstrum) - _LIFTER + 1] = 0
        envelope = torch.fft.rfft(cepstrum, dim=0).real
    return envelope


def _stretched(envelope: Tensor, ratio: float) -> Tensor:
    """Return an envelope (F, N) whose frequencies are multiplied by `ratio`; beyond its end it is constant."""
    last = len(envelope) - 1
    where = (torch.arange(last + 1) / ratio).clamp(max=last)
    below = where.floor().long().clamp(max=last - 1)
    share = (where - below)[:, None]
    return envelope[below] * (1 - share) + envelope[below + 1] * share
