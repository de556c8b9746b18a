"""The generator of HiFi-GAN (Kong et al., NeurIPS 2020): transposed convolutions, each followed by residual blocks.

The published shapes have rates (8, 8, 2, 2) at hop 256; here the rates are (5, 4, 4, 2) at hop 160 and 16 kHz: 12.91 M
parameters with 512 channels (V1), 0.862 M with 128 (V2).

Shapes: B batch, N mel frames, C channels, T = hop·N samples.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import weight_norm

from models.conversion.mel import BANDS
from models.conversion.vocoder.config import HifiganConfig

_SLOPE = 0.1  # of the leaky ReLU
_ENDS = 7  # kernel length of the first and of the last convolution


class ResidualBlock(nn.Module):
    """Pairs of convolutions, the first of a pair dilated, each pair with a residual sum; (B, C, T) to (B, C, T)."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()

        def convolution(dilation: int) -> nn.Module:
            padding = dilation * (kernel - 1) // 2
            return _normed(nn.Conv1d(channels, channels, kernel, dilation=dilation, padding=padding))

        self.dilated = nn.ModuleList(convolution(one) for one in dilations)
        self.plain = nn.ModuleList(convolution(1) for _ in dilations)

    def forward(self, signal: Tensor) -> Tensor:
        """Return the signal (B, C, T) after the block."""
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            found = dilated(functional.leaky_relu(signal, _SLOPE))
            signal = signal + plain(functional.leaky_relu(found, _SLOPE))
        return signal


class Hifigan(nn.Module):
    """Makes waves from mel spectrograms: (B, N, 80) to (B, T).

    Attributes:
        reach: number of frames on either side that a frame of the result depends on.

    Example:
        >>> Hifigan(HifiganConfig(channels=128))(torch.zeros(1, 10, 80)).shape
        torch.Size([1, 1600])
    """

    def __init__(self, config: HifiganConfig) -> None:
        super().__init__()
        channels = config.channels
        self.first = _normed(nn.Conv1d(BANDS, channels, _ENDS, padding=_ENDS // 2), start=False)
        self.longer, self.stages = nn.ModuleList(), nn.ModuleList()
        for rate, kernel in zip(config.rates, config.kernels, strict=True):
            # Without these paddings a signal of N samples would not become one of exactly rate·N samples.
            extra = (kernel - rate) % 2
            up = nn.ConvTranspose1d(
                channels, channels // 2, kernel, rate, padding=(kernel - rate + extra) // 2, output_padding=extra
            )
            self.longer.append(_normed(up))
            channels //= 2
            self.stages.append(nn.ModuleList(ResidualBlock(channels, one, config.dilations) for one in config.blocks))
        self.last = _normed(nn.Conv1d(channels, 1, _ENDS, padding=_ENDS // 2))
        self.reach = _reach(config)

    def forward(self, mel: Tensor) -> Tensor:
        """Return waves (B, T), in [-1, 1], of mel spectrograms (B, N, 80)."""
        signal = self.first(mel.transpose(1, 2))
        for longer, stage in zip(self.longer, self.stages, strict=True):
            assert isinstance(stage, nn.ModuleList)
            signal = longer(functional.leaky_relu(signal, _SLOPE))
            signal = torch.stack([block(signal) for block in stage]).mean(0)
        return self.last(functional.leaky_relu(signal)).tanh()[:, 0]

    def fold(self) -> "Hifigan":
        """Replace every weight normalisation by the weights that it gives, which makes the network faster."""
        for module in self.modules():
            if parametrize.is_parametrized(module):
                parametrize.remove_parametrizations(module, "weight")
        return self


def _normed(convolution: nn.Module, *, start: bool = True) -> nn.Module:
    """Return the convolution with weight normalisation; with `start`, its weights begin as N(0, 0.01²)."""
    if start:
        nn.init.normal_(convolution.get_parameter("weight"), std=0.01)
    return weight_norm(convolution)


def _reach(config: HifiganConfig) -> int:
    """Return the number of frames on either side that a frame of the result depends on, rounded up."""
    frames, length = _ENDS // 2 + 0.0, 1
    for rate, kernel in zip(config.rates, config.kernels, strict=True):
        frames += math.ceil(kernel / rate) / length
        length *= rate
        longest = max(config.blocks) // 2
        frames += longest * sum(one + 1 for one in config.dilations) / length
    return math.ceil(frames + (_ENDS // 2) / length)
