"""Ideal masks: how far masking the mixture's STFT could go if the answer were known.

    IRM1  |V| / (|V| + |A|)          IRM2  |V|² / (|V|² + |A|²)          IBM2  |V|² > |A|²

V is the STFT of the vocals, A of the accompaniment. STFT of 2048 samples, hop 512 at 44.1 kHz and in
proportion at other rates, periodic Hann. SiSEC18's oracles, and the "IRM 9.43 dB" that papers quote
(that is IRM2, median over tracks of the median over 1 s frames).

Shapes: T samples, K channels.
"""

import numpy as np
import torch
from torch import Tensor

ORACLES = ("IRM1", "IRM2", "IBM2")
_SECONDS = 2048 / 44_100


def oracle(name: str, mixture: np.ndarray, vocals: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the vocals that the ideal mask `name` lets through of `mixture`, (T, K) float.

    Args:
        name: one of `ORACLES`.
        mixture: (T, K).
        vocals: the true vocals, (T, K); the accompaniment is the rest.
        sample_rate: in Hz.

    Raises:
        ValueError: another name.
    """
    size = 2 ** round(np.log2(_SECONDS * sample_rate))
    mixed, true = (_stft(wave, size) for wave in (mixture, vocals))
    power, rest = true.abs().square(), (mixed - true).abs().square()
    if name == "IRM1":
        mask = power.sqrt() / (power.sqrt() + rest.sqrt()).clamp_min(1e-12)
    elif name == "IRM2":
        mask = power / (power + rest).clamp_min(1e-12)
    elif name == "IBM2":
        mask = (power > rest).to(power.dtype)
    else:
        raise ValueError(f"{name!r} is no ideal mask; choose one of {', '.join(ORACLES)}")
    window = torch.hann_window(size, dtype=torch.float64)
    found = torch.istft(mask * mixed, size, size // 4, window=window, length=len(mixture))
    return found.numpy().T


def _stft(wave: np.ndarray, size: int) -> Tensor:
    """Return the STFT of (T, K): (K, F, N) complex."""
    window = torch.hann_window(size, dtype=torch.float64)
    return torch.stft(torch.from_numpy(wave.T.astype(np.float64)), size, size // 4, window=window, return_complex=True)
