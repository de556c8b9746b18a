"""Ideal masks: separate vocals with a mask computed from the true vocals, as an upper reference for masking systems.

    IRM1  |V| / (|V| + |A|)          IRM2  |V|² / (|V|² + |A|²)          IBM2  1 where |V|² > |A|², else 0

V is the STFT of the vocals and A that of the accompaniment, computed for each channel separately. Its size is 2048
samples at 44.1 kHz; at other rates it is the power of two that is closest to the same duration. The hop is half the
size, the window is a periodic Hann window, and the signal is padded with zeros at both ends.

This is the STFT of the oracles of the same names in SiSEC18, but the masks differ slightly: those of SiSEC18 divide by
the sum over all four sources instead of |V| and |A|, and their IBM2 is 1 where |V|² ≥ |X|² / 2, with the mixture X. The
"IRM 9.43 dB" that papers quote is SiSEC18's IRM2 (median over tracks of the median over 1 s frames).

Shapes: T samples, K channels, F frequency bins, N STFT frames.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_SECONDS = 2048 / 44_100
_SMALLEST = 1e-12  # keeps a mask defined where both sources are silent

Mask = Callable[[Tensor, Tensor], Tensor]  # takes |V| and |A|, returns the mask, in [0, 1]
_MASKS: dict[str, Mask] = {
    "IRM1": lambda true, rest: true / (true + rest).clamp_min(_SMALLEST),
    "IRM2": lambda true, rest: true.square() / (true.square() + rest.square()).clamp_min(_SMALLEST),
    "IBM2": lambda true, rest: (true > rest).to(true.dtype),
}
ORACLES = tuple(_MASKS)


def oracle(name: str, mixture: np.ndarray, vocals: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the vocals estimated with an ideal mask, (T, K) float64.

    Args:
        name: name of the mask, one of `ORACLES`.
        mixture: mixture, float, (T, K).
        vocals: true vocals, float, (T, K); the accompaniment is the mixture minus the vocals.
        sample_rate: sample rate of both in Hz.

    Raises:
        ValueError: there is no mask of that name, or the shapes differ.

    Example:
        >>> vocals = oracle("IRM2", mixture, true_vocals, sample_rate=44_100)
    """
    if name not in _MASKS:
        raise ValueError(f"{name!r} is no ideal mask; choose one of {', '.join(ORACLES)}")
    if mixture.shape != vocals.shape:
        raise ValueError(f"mixture {mixture.shape} and vocals {vocals.shape} differ in shape")
    size = 2 ** round(np.log2(_SECONDS * sample_rate))
    channels = zip(mixture.T, vocals.T, strict=True)  # one at a time, because the STFT of a song is large
    return np.stack([_let_through(_MASKS[name], mixed, true, size) for mixed, true in channels], 1)


def _let_through(mask: Mask, mixture: np.ndarray, vocals: np.ndarray, size: int) -> np.ndarray:
    """Return the masked mixture of one channel, (T,) float64."""
    mixed, true = (_stft(wave, size) for wave in (mixture, vocals))
    masked = mixed * mask(true.abs(), (mixed - true).abs())
    found = torch.istft(masked, size, size // 2, window=_window(size), length=_whole(len(mixture), size))
    return found[: len(mixture)].numpy()


def _stft(wave: np.ndarray, size: int) -> Tensor:
    """Return the STFT (F, N), complex, of one channel (T,), long enough that two frames cover every sample."""
    padded = torch.zeros(_whole(len(wave), size), dtype=torch.float64)
    padded[: len(wave)] = torch.from_numpy(wave.astype(np.float64))
    return torch.stft(padded, size, size // 2, window=_window(size), pad_mode="constant", return_complex=True)


def _window(size: int) -> Tensor:
    return torch.hann_window(size, dtype=torch.float64)


def _whole(length: int, size: int) -> int:
    """Return `length` rounded up to a multiple of the hop."""
    hop = size // 2
    return -(-length // hop) * hop
