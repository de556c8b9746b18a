"""Conditional instance normalisation over time, and the moments that it needs of recordings in pieces.

Shapes: B batch, N frames, D features.
"""

from dataclasses import dataclass

from torch import Tensor, nn

_LEAST = 1e-5


@dataclass(frozen=True)
class Moments:
    """Sums over the frames of a recording, which can be added piece by piece.

    Attributes:
        count: number of frames, (B, 1, 1).
        total: sum of the features, (B, 1, D).
        square: sum of their squares, (B, 1, D).
    """

    count: Tensor
    total: Tensor
    square: Tensor

    @staticmethod
    def of(frames: Tensor, inside: Tensor) -> "Moments":
        """Return the moments of the frames (B, N, D) where `inside` (B, N) is 1 and not 0."""
        weight = inside[..., None]
        sums = ((weight * one).sum(1, keepdim=True) for one in (frames, frames.square()))
        return Moments(weight.sum(1, keepdim=True), *sums)

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.count + other.count, self.total + other.total, self.square + other.square)

    def normalise(self, frames: Tensor) -> Tensor:
        """Return the frames with mean 0 and variance 1 over time."""
        count = self.count.clamp(min=1)
        mean = self.total / count
        return (frames - mean) * (self.square / count - mean.square()).clamp(min=_LEAST).rsqrt()


class ConditionalNorm(nn.Module):
    """Instance normalisation over time, followed by a scale and an offset that belong to a singer.

    What a melody embedding says about the recording as a whole, such as its key, its level and its singer, is removed,
    and replaced by what belongs to the singer of the output.
    """

    def __init__(self, singers: int, features: int) -> None:
        super().__init__()
        self.scale, self.offset = nn.Embedding(singers, features), nn.Embedding(singers, features)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.offset.weight)

    def forward(self, frames: Tensor, moments: Moments, singer: Tensor) -> Tensor:
        """Return the frames (B, N, D), normalised; `singer` is (B,), the number of each singer."""
        return moments.normalise(frames) * self.scale(singer)[:, None] + self.offset(singer)[:, None]
