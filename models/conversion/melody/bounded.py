"""FFT blocks of bounded reach, without position codes: what a frame becomes depends on its neighbourhood alone.

So a long recording can be worked on in overlapping pieces with the same result as in one, and where a piece begins
does not matter. The convolutions inside the blocks know the order of the frames.

Shapes: B batch, N frames, D features.
"""

import torch
from torch import Tensor, nn

from models.conversion.blocks import Block, BlockConfig


class BoundedBlocks(nn.Module):
    """A stack of FFT blocks, (B, N, D) to (B, N, D), whose attention reaches `BlockConfig.reach` frames.

    Attributes:
        reach: number of frames on either side that a frame of the output depends on.

    Example:
        >>> BoundedBlocks(BlockConfig(blocks=2, kernel=9, reach=50)).reach
        108
    """

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        self._attended = config.reach
        self.reach = config.blocks * (config.reach + config.kernel // 2)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))

    def layers(self, frames: Tensor) -> list[Tensor]:
        """Return the frames (B, N, D) after each block."""
        index = torch.arange(frames.shape[1], device=frames.device)
        mask = (index[:, None] - index).abs() <= self._attended
        found = []
        for block in self.blocks:
            found.append(frames := block(frames, mask))
        return found

    def forward(self, frames: Tensor) -> Tensor:
        """Return the frames (B, N, D) after all blocks."""
        return self.layers(frames)[-1] if len(self.blocks) else frames
