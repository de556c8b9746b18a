"""Joins two estimates of the vocals into one that is a part of the mixture, bin by bin.

Shapes: B batch, T samples.
"""

import torch
from torch import Tensor

_N_FFT, _SMALLEST = 2048, 1e-6


def between(mixture: Tensor, estimate: Tensor, other: Tensor, share: float, n_fft: int = _N_FFT) -> Tensor:
    """Return the sound whose magnitudes lie between those of two estimates, with the mixture's phase, (B, T).

    The magnitude of a bin of the STFT is |E|^(1 - share) · |O|^share, at most that of the mixture.

    Args:
        mixture: waveforms, (B, T).
        estimate: estimated vocals E, (B, T).
        other: another estimate O, (B, T).
        share: weight of the other estimate, 0 to 1.
        n_fft: size of the STFT in samples; the hop is a quarter. Shorter sounds have a smaller one.

    Example:
        >>> between(mixture, mixture, mixture, 0.3) - mixture  # all zero: everything is in both
    """
    size = min(n_fft, 2 * (mixture.shape[-1] // 2))
    window = torch.hann_window(size, device=mixture.device)
    whole, one, two = (
        torch.stft(wave, size, size // 4, window=window, return_complex=True) for wave in (mixture, estimate, other)
    )
    wanted = one.abs().clamp_min(_SMALLEST) ** (1 - share) * two.abs().clamp_min(_SMALLEST) ** share
    factor = (wanted / whole.abs().clamp_min(_SMALLEST)).clamp_max(1)
    return torch.istft(whole * factor, size, size // 4, window=window, length=mixture.shape[-1])
