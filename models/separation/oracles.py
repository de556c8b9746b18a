"""Ideal masks: how far masking the mixture's STFT could go if the answer were known.

    IRM1  |V| / (|V| + |A|)          IRM2  |V|² / (|V|² + |A|²)          IBM2  1 where |V|² > |A|², else 0

V is the STFT of the vocals, A of the accompaniment, channel by channel: 2048 samples at 44.1 kHz, at other rates
the power of two that comes nearest to as many seconds, hop half of it, periodic Hann, zeros beyond both ends.

That is the STFT of SiSEC18's oracles of the same names, but not quite their masks: those divide by the sum over all
four sources instead of |V| and |A|, and their IBM2 asks for |V|² ≥ |X|² / 2 with the mixture X. The "IRM 9.43 dB" that
papers quote (SiSEC18's IRM2, median over tracks of the median over 1 s frames) is theirs.

Shapes: T samples, K channels, F bins, N frames.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_SECONDS = 2048 / 44_100
_SMALLEST = 1e-12  # keeps a mask defined where both sources are silent

Mask = Callable[[Tensor, Tensor], Tensor]  # of |V| and |A|
_MASKS: dict[str, Mask] = {
    "IRM1": lambda true, rest: true / (true + rest).clamp_min(_SMALLEST),
    "IRM2": lambda true, rest: true.square() / (true.square() + rest.square()).clamp_min(_SMALLEST),
    "IBM2": lambda true, rest: (true > rest).to(true.dtype),
}
ORACLES = tuple(_MASKS)


def oracle(name: str, mixture: np.ndarray, vocals: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the vocals that the ideal mask `name` lets through of `mixture`, (T, K) float64.

    Args:
        name: one of `ORACLES`.
        mixture: (T, K).
        vocals: the true vocals, (T, K); the accompaniment is the rest.
        sample_rate: in Hz.

    Raises:
        ValueError: another name, or shapes differ.
    """
    if name not in _MASKS:
        raise ValueError(f"{name!r} is no ideal mask; choose one of {', '.join(ORACLES)}")
    if mixture.shape != vocals.shape:
        raise ValueError(f"mixture {mixture.shape} and vocals {vocals.shape} differ in shape")
    size = 2 ** round(np.log2(_SECONDS * sample_rate))
    channels = zip(mixture.T, vocals.T, strict=True)  # one at a time: the STFT of a song is large
    return np.stack([_let_through(_MASKS[name], mixed, true, size) for mixed, true in channels], 1)


def _let_through(mask: Mask, mixture: np.ndarray, vocals: np.ndarray, size: int) -> np.ndarray:
    """Return what a mask lets through of one channel, (T,)."""
    mixed, true = (_stft(wave, size) for wave in (mixture, vocals))
    masked = mixed * mask(true.abs(), (mixed - true).abs())
    found = torch.istft(masked, size, size // 2, window=_window(size), length=_whole(len(mixture), size))
    return found[: len(mixture)].numpy()


def _stft(wave: np.ndarray, size: int) -> Tensor:
    """Return the STFT of (T,), (F, N) complex, so long that two frames cover every sample."""
    padded = torch.zeros(_whole(len(wave), size), dtype=torch.float64)
    padded[: len(wave)] = torch.from_numpy(wave.astype(np.float64))
    return torch.stft(padded, size, size // 2, window=_window(size), pad_mode="constant", return_complex=True)


def _window(size: int) -> Tensor:
    return torch.hann_window(size, dtype=torch.float64)


def _whole(length: int, size: int) -> int:
    """Return the least number of samples from `length` on that is a multiple of the hop."""
    hop = size // 2
    return -(-length // hop) * hop
