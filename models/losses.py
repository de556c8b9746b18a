"""Training losses of waveforms: the spectral loss of SING, and the mean squared error.

Each loss is a mean over all elements, so its size does not depend on batch size or length.

Shapes: B batch, T samples.
"""

from collections.abc import Callable

from torch import Tensor

from data.signal import log_power

WaveLoss = Callable[[Tensor, Tensor], Tensor]


def spectral(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the spectral loss of SING: mean |l(reference) - l(estimate)| with l = log(1 + |STFT|²).

    The STFT has FFT size 1024 and hop 256 (`data.signal.log_power`). It is computed in float32 even if the
    network runs in bfloat16, whose 8 bits of mantissa are too few for powers of about 10⁴.

    Args:
        reference: true waveform, float, shape (B, T), full scale [-1, 1].
        estimate: generated waveform, same shape and scale.

    Returns:
        The loss, a float32 scalar; 0 for equal magnitudes, whatever the phases.

    Example:
        >>> spectral(wave, wave)
        tensor(0.)
    """
    return (log_power(reference.float()) - log_power(estimate.float())).abs().mean()


def waveform(reference: Tensor, estimate: Tensor) -> Tensor:
    """Return the mean squared error of the samples of two waveforms (B, T), a float32 scalar."""
    return (reference.float() - estimate.float()).square().mean()


WAVE_LOSSES: dict[str, WaveLoss] = {"spectral": spectral, "waveform": waveform}
