"""Losses: what training minimises. Mean over everything, so they do not depend on batch size.

Shapes: B batch, T samples.
"""

from collections.abc import Callable

from torch import Tensor

from data.signal import log_power

WaveLoss = Callable[[Tensor, Tensor], Tensor]


def spectral(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return SING's spectral loss of (B, T): mean |l(reference) - l(estimate)|, l = log(1 + |STFT|²).

    Float32 whatever the network's precision: a power of 10⁴ has no room in 8 bits of mantissa.
    """
    return (log_power(reference.float()) - log_power(estimate.float())).abs().mean()


def waveform(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the mean squared error of samples of (B, T)."""
    return (reference.float() - estimate.float()).square().mean()


WAVE_LOSSES: dict[str, WaveLoss] = {"spectral": spectral, "waveform": waveform}
