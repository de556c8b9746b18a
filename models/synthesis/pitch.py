"""Describes a pitch by smooth features, so that a network carries what it learnt of one pitch to those near it.

A row of a table says nothing of the rows beside it; two pitches a semitone apart have nearly the same features.

Shapes: B batch.
"""

import torch
from torch import Tensor

_LOWEST, _HIGHEST = 20, 110  # MIDI pitches over which the bumps are spread


def pitch_features(pitch: Tensor, centres: int) -> Tensor:
    """Return smooth features of MIDI pitches (B,): Gaussian bumps and the pitch itself, (B, centres + 1).

    Example:
        >>> pitch_features(torch.tensor([60.0, 61.0]), 31).shape
        torch.Size([2, 32])
    """
    places = torch.linspace(_LOWEST, _HIGHEST, centres, device=pitch.device)
    width = (_HIGHEST - _LOWEST) / (centres - 1)
    bumps = torch.exp(-0.5 * ((pitch[:, None] - places) / width).square())
    return torch.cat([bumps, (pitch[:, None] - 60) / 24], 1)
