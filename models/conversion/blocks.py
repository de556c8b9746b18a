"""Feed-forward Transformer blocks (FFT blocks) of FastSpeech, which every network of the conversion system is built of.

A block is self-attention and a convolution of two layers, each followed by dropout, the residual sum and layer norm.
One block of width 256 with 1024 filters and kernels (9, 1) has 2.887 M parameters.

Attention reaches a bounded number of frames and there are no position codes, unlike FastSpeech: what a frame becomes
depends on its neighbourhood alone. So a long recording can be worked on in overlapping pieces with the same result as
in one, at a cost that is linear in its length. The convolutions inside the blocks know the order of the frames.

Shapes: B batch, N frames, D features.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class BlockConfig:
    """Sizes of a stack of FFT blocks.

    Attributes:
        blocks: number of blocks.
        features: number of features D.
        heads: number of attention heads.
        filters: number of channels between the two convolutions.
        kernel: length of the first convolution in frames, odd; the second has length 1.
        dropout: probability of dropout in training.
        reach: number of frames on either side that a frame attends to.
    """

    blocks: int
    features: int = 256
    heads: int = 2
    filters: int = 1024
    kernel: int = 9
    dropout: float = 0.1
    reach: int = 0


class Block(nn.Module):
    """One FFT block: (B, N, D) to (B, N, D)."""

    def __init__(self, config: BlockConfig) -> None:
        super().__init__()
        size = config.features
        self.heads, self.reach, self.dropout = config.heads, config.reach, config.dropout
        self.project, self.merge = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.widen = nn.Conv1d(size, config.filters, config.kernel, padding=config.kernel // 2)
        self.narrow = nn.Conv1d(config.filters, size, 1)
        self.first, self.second = nn.LayerNorm(size), nn.LayerNorm(size)

    def _attend(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        batch, count, size = frames.shape
        parts = self.project(frames).view(batch, count, 3, self.heads, size // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (B, heads, N, D / heads) each
        drop = self.dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=drop)
        return self.merge(found.transpose(1, 2).reshape(batch, count, size))

    def forward(self, frames: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the frames after the block.

        Args:
            frames: (B, N, D).
            mask: booleans that broadcast to (B, 1, N, N), True where the first frame may attend to the second.
        """
        frames = self.first(frames + functional.dropout(self._attend(frames, mask), self.dropout, self.training))
        hidden = self.narrow(functional.relu(self.widen(frames.transpose(1, 2)))).transpose(1, 2)
        return self.second(frames + functional.dropout(hidden, self.dropout, self.training))


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
