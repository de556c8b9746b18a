"""Random equaliser and random masks: changes of training examples.

The equaliser changes timbres, so that the extractor does not rely on those of its training singers and recordings.

Shapes: B batch, T samples.
"""

import torch
from torch import Tensor
from torch.nn import functional

from data.signal import in_float32

_POINTS = 8  # of the gain curve, evenly spaced on a logarithmic frequency axis


@in_float32
def equalised(waves: Tensor, decibels: float) -> Tensor:
    """Return waves filtered with random smooth gain curves, one for each; the mean gain in dB is 0.

    The draws come from torch's global generator.

    Args:
        waves: (B, T) float32.
        decibels: largest gain or attenuation at a point of the curve before the mean is taken off.

    Returns:
        (B, T) float32. The filters have zero phase and act on the whole wave as if it were periodic.

    Example:
        >>> equalised(torch.zeros(2, 16_000), 6.0).shape
        torch.Size([2, 16000])
    """
    spectrum = torch.fft.rfft(waves)  # (B, T // 2 + 1)
    points = (torch.rand(len(waves), _POINTS, device=waves.device) * 2 - 1) * decibels
    points = points - points.mean(1, keepdim=True)
    octaves = torch.linspace(0, 1, spectrum.shape[-1], device=waves.device).clamp(min=2**-7).log2() + 7  # 0 to 7
    place = (octaves / 7 * (_POINTS - 1)).clamp(max=_POINTS - 1 - 1e-4)
    left, share = place.floor().long(), place.frac()
    curve = points[:, left] * (1 - share) + points[:, left + 1] * share  # (B, T // 2 + 1) dB
    return torch.fft.irfft(spectrum * 10 ** (curve / 20), waves.shape[-1])


def masked_frames(shape: tuple[int, int], share: float, span: int, device: torch.device) -> Tensor:
    """Return random masks, (B, N) booleans, of spans of consecutive frames.

    Args:
        shape: (B, N).
        share: expected fraction of masked frames, if spans did not overlap.
        span: number of frames of a span.
        device: device of the result.
    """
    starts = (torch.rand(shape, device=device) < share / span).float()
    return functional.max_pool1d(functional.pad(starts, (span - 1, 0))[:, None], span, 1)[:, 0] > 0
