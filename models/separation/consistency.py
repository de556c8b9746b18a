"""Makes an estimate of the vocals consistent with the mixture: what it gives is a part of the mixture, bin by bin.

Shapes: B batch, T samples.
"""

import torch
from torch import Tensor

_N_FFT, _SMALLEST = 2048, 1e-8


def consistent(mixture: Tensor, estimate: Tensor, n_fft: int = _N_FFT) -> Tensor:
    """Return the mixture filtered by the Wiener mask of an estimate and of what it leaves, (B, T).

    The mask is |V|² / (|V|² + |X - V|²), with the STFTs X of the mixture and V of the estimate. The phase is that of
    the mixture, and where the estimate is louder than the mixture, the result is not.

    Args:
        mixture: waveforms, (B, T).
        estimate: estimated vocals, (B, T).
        n_fft: size of the STFT in samples; the hop is a quarter.

    Example:
        >>> consistent(mixture, mixture) - mixture  # all zero: nothing is left
    """
    size = min(n_fft, 2 * (mixture.shape[-1] // 2))
    window = torch.hann_window(size, device=mixture.device)
    whole, part = (torch.stft(one, size, size // 4, window=window, return_complex=True) for one in (mixture, estimate))
    power, rest = part.abs().square(), (whole - part).abs().square()
    masked = whole * (power / (power + rest + _SMALLEST))
    return torch.istft(masked, size, size // 4, window=window, length=mixture.shape[-1])
