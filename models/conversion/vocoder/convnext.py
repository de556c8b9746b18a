"""One-dimensional ConvNeXt blocks, which the arms "vocos" and "pulses" are built of (Siuzdak, Vocos, ICLR 2024).

Shapes: B batch, N mel frames, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.conversion.vocoder.config import ConvNextConfig


class ConvNextBlock(nn.Module):
    """One block: depthwise convolution, layer norm, two linear layers, scaled residual; (B, N, C) to (B, N, C)."""

    def __init__(self, config: ConvNextConfig) -> None:
        super().__init__()
        size = config.channels
        self.along = nn.Conv1d(size, size, config.kernel, padding=config.kernel // 2, groups=size)
        self.norm = nn.LayerNorm(size)
        self.widen, self.narrow = nn.Linear(size, config.filters), nn.Linear(config.filters, size)
        self.scale = nn.Parameter(torch.full((size,), 1 / config.blocks))

    def forward(self, frames: Tensor) -> Tensor:
        """Return the frames (B, N, C) after the block."""
        found = self.norm(self.along(frames.transpose(1, 2)).transpose(1, 2))
        return frames + self.scale * self.narrow(functional.gelu(self.widen(found)))


class ConvNext(nn.Module):
    """A stack of blocks between a first convolution and a last layer norm: (B, N, features) to (B, N, C).

    Attributes:
        reach: number of frames on either side that a frame of the result depends on.

    Example:
        >>> ConvNext(80, ConvNextConfig(64, 128, 2))(torch.zeros(1, 50, 80)).shape
        torch.Size([1, 50, 64])
    """

    def __init__(self, features: int, config: ConvNextConfig) -> None:
        super().__init__()
        self.first = nn.Conv1d(features, config.channels, config.kernel, padding=config.kernel // 2)
        self.before, self.after = nn.LayerNorm(config.channels), nn.LayerNorm(config.channels)
        self.blocks = nn.Sequential(*(ConvNextBlock(config) for _ in range(config.blocks)))
        self.reach = (config.blocks + 1) * (config.kernel // 2)

    def forward(self, frames: Tensor) -> Tensor:
        """Return the channels (B, N, C) of the frames (B, N, features)."""
        return self.after(self.blocks(self.before(self.first(frames.transpose(1, 2)).transpose(1, 2))))
