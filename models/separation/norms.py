"""Normalises hidden frames one by one, so that no frame depends on silence or noise elsewhere in what is processed.

Shapes: B batch, C channels, N frames.
"""

import torch
from torch import Tensor, nn


class FrameNorm(nn.Module):
    """Group norm whose statistics are taken within each frame: (B, C, N) -> (B, C, N), any number of frames.

    The C channels are divided into groups; within a group, the values of a frame get zero mean and unit variance, then
    a gain and an offset per channel. Statistics over time would change with the length of what is processed, and with
    the zeros that fill it up.

    Example:
        >>> FrameNorm(groups=8, channels=64)(torch.randn(2, 64, 100)).shape
        torch.Size([2, 64, 100])
    """

    def __init__(self, groups: int, channels: int) -> None:
        super().__init__()
        self.gain, self.offset = nn.Parameter(torch.ones(channels, 1)), nn.Parameter(torch.zeros(channels, 1))
        self._groups = groups

    def forward(self, hidden: Tensor) -> Tensor:
        grouped = hidden.unflatten(1, (self._groups, -1))  # (B, groups, C / groups, N)
        centred = grouped - grouped.mean(2, keepdim=True)
        scaled = centred * (centred.square().mean(2, keepdim=True) + 1e-5).rsqrt()
        return scaled.flatten(1, 2) * self.gain + self.offset
