"""The discriminators of HiFi-GAN (Kong et al., NeurIPS 2020): multi-period and multi-scale.

Each judges waves and also returns the outputs of its layers, which the generator learns to match. The published sizes
have 41.11 M (periods 2, 3, 5, 7, 11) and 29.62 M parameters (3 scales).

Shapes: B batch, T samples, C channels.
"""

import itertools

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from models.conversion.vocoder.config import DiscriminatorConfig

Judgement = tuple[Tensor, list[Tensor]]  # scores (B, …), outputs of the layers
_SLOPE = 0.1  # of the leaky ReLU
_PERIOD = (1, 32, 128, 512, 1024, 1024)  # channels of a discriminator of one period
# Channels, kernel length, stride and groups of the convolutions of a discriminator of one scale.
_SCALE = (
    (128, 15, 1, 1), (128, 41, 2, 4), (256, 41, 2, 16), (512, 41, 4, 16), (1024, 41, 4, 16), (1024, 41, 1, 16),
    (1024, 5, 1, 1),
)  # fmt: skip


class PeriodDiscriminator(nn.Module):
    """Judges waves (B, T) folded to rows of one period, so that a column holds samples one period apart."""

    def __init__(self, period: int, narrower: int) -> None:
        super().__init__()
        self.period = period
        sizes = [1, *(max(1, one // narrower) for one in _PERIOD[1:])]
        strides = (3, 3, 3, 3, 1)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(one, other, (5, 1), (stride, 1), padding=(2, 0)))
            for (one, other), stride in zip(itertools.pairwise(sizes), strides, strict=True)
        )
        self.last = weight_norm(nn.Conv2d(sizes[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, wave: Tensor) -> Judgement:
        """Return the scores of waves (B, T) and the outputs of the layers."""
        rest = -wave.shape[1] % self.period
        signal = functional.pad(wave[:, None], (0, rest), mode="reflect").unflatten(2, (-1, self.period))
        return _judge(self.layers, self.last, signal)  # signal: (B, 1, T / period, period)


class ScaleDiscriminator(nn.Module):
    """Judges waves (B, T) by grouped convolutions; the first scale has spectral instead of weight normalisation."""

    def __init__(self, narrower: int, *, spectral: bool) -> None:
        super().__init__()
        normed, size = spectral_norm if spectral else weight_norm, 1
        self.layers = nn.ModuleList()
        for channels, kernel, stride, groups in _SCALE:
            # With fewer channels there are fewer groups, so that each keeps at least the published four channels.
            wide = max(1, channels // narrower)
            some = max(1, groups // narrower) if size > 1 else 1
            layer = nn.Conv1d(size, wide, kernel, stride, padding=kernel // 2, groups=some)
            self.layers.append(normed(layer))
            size = wide
        self.last = normed(nn.Conv1d(size, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> Judgement:
        """Return the scores of waves (B, T) and the outputs of the layers."""
        return _judge(self.layers, self.last, wave[:, None])


def _judge(layers: nn.ModuleList, last: nn.Module, signal: Tensor) -> Judgement:
    """Return the scores of a signal, flattened, and the outputs of all layers."""
    outputs = []
    for layer in layers:
        signal = functional.leaky_relu(layer(signal), _SLOPE)
        outputs.append(signal)
    score = last(signal)
    return score.flatten(1), [*outputs, score]


class Discriminators(nn.Module):
    """All discriminators of a training; gives one judgement for each.

    Example:
        >>> len(Discriminators(DiscriminatorConfig(narrower=16))(torch.zeros(2, 3200)))
        8
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.periods = nn.ModuleList(PeriodDiscriminator(one, config.narrower) for one in config.periods)
        self.scales = nn.ModuleList(
            ScaleDiscriminator(config.narrower, spectral=number == 0) for number in range(config.scales)
        )

    def forward(self, wave: Tensor) -> list[Judgement]:
        """Return the judgements of waves (B, T): those of all periods, then those of all scales."""
        found = [one(wave) for one in self.periods]
        for number, one in enumerate(self.scales):
            if number:
                wave = functional.avg_pool1d(wave[:, None], 4, 2, padding=2)[:, 0]
            found.append(one(wave))
        return found
