"""The three discriminators of the acoustic model, and their least-squares losses.

Shapes: B batch, N melody frames, D features.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from models.conversion.acoustic.config import Adversaries

_SLOPE = 0.2
_LAYERS = 4


class MelDiscriminator(nn.Module):
    """Judges mel spectrograms by convolutions in time and frequency: (B, N, 80) to scores (B, any number)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [1, *(min(channels * 2**number, 4 * channels) for number in range(_LAYERS))]
        self.layers = nn.ModuleList(
            nn.Conv2d(narrow, wide, 5 if number == 0 else 3, 2, 2 if number == 0 else 1)
            for number, (narrow, wide) in enumerate(pairwise(widths))
        )
        self.last = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, mel: Tensor) -> Tensor:
        """Return the scores of mel spectrograms (B, N, 80)."""
        signal = (mel[:, None] + 6) / 3  # about mean 0 and deviation 1
        for layer in self.layers:
            signal = functional.leaky_relu(layer(signal), _SLOPE)
        return self.last(signal).flatten(1)


class EmbeddingDiscriminator(nn.Module):
    """Judges melody embeddings by convolutions in time: (B, N, D) to scores (B, any number)."""

    def __init__(self, features: int, channels: int) -> None:
        super().__init__()
        widths = [features, channels, 2 * channels, 2 * channels]
        self.layers = nn.ModuleList(nn.Conv1d(narrow, wide, 5, 2, 2) for narrow, wide in pairwise(widths))
        self.last = nn.Conv1d(widths[-1], 1, 3, padding=1)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the scores of embeddings (B, N, D)."""
        signal = embedding.transpose(1, 2)
        for layer in self.layers:
            signal = functional.leaky_relu(layer(signal), _SLOPE)
        return self.last(signal).flatten(1)


class Discriminators(nn.Module):
    """The discriminators that are switched on, by the names of `Adversaries`."""

    def __init__(self, config: Adversaries, features: int) -> None:
        super().__init__()
        judges: dict[str, nn.Module] = {}
        if config.real.weight:
            judges["real"] = MelDiscriminator(config.real.channels)
        if config.conversion.weight:
            judges["conversion"] = MelDiscriminator(config.conversion.channels)
        if config.embedding.weight:
            judges["embedding"] = EmbeddingDiscriminator(features, config.embedding.channels)
        self.judges = nn.ModuleDict(judges)

    def losses(self, name: str, good: Tensor, bad: Tensor) -> Tensor:
        """Return the loss of the discriminator `name`, which is to score `good` 1 and `bad` 0."""
        judge = self.judges[name]
        return (judge(good.detach()) - 1).square().mean() + judge(bad.detach()).square().mean()

    def deceived(self, name: str, bad: Tensor) -> Tensor:
        """Return the loss of a network whose output `bad` is to be scored 1 by the discriminator `name`."""
        return (self.judges[name](bad) - 1).square().mean()


def ramp(progress: float, start: float, rise: float) -> float:
    """Return the share of its weight that an adversary has at a fraction of all steps: 0 before `start`, then up to 1.

    Example:
        >>> ramp(0.55, 0.5, 0.1)
        0.5
    """
    if progress < start:
        return 0.0
    return 1.0 if rise <= 0 else min(1.0, round((progress - start) / rise, 9))
