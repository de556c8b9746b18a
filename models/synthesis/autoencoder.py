"""SING's convolutional autoencoder (paper section 3.1): waveform to frames of 128 values and back.

Both outer layers multiply their kernels by a squared Hann window on every pass, so the
encoder reads smooth frames and the decoder overlap-adds learnt ones. Nothing is padded
inside, which costs samples at each end:

    input   |<-------------------------- 68,608 -------------------------->|
    output         |<------------------- 65,024 ------------------->|
            | 1792 |                                                | 1792 |
              strip = kernel - stride + (context - 1) · stride / 2

Shapes: B batch, T samples, C channels, D embedding dimensions, N frames.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.signal import squared_hann
from models.synthesis.config import AutoencoderConfig


class WindowedConv(nn.Module):
    """A strided convolution over samples whose kernel is windowed: (B, 1, T) -> (B, C, N)."""

    window: Tensor

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernels = nn.Conv1d(1, channels, kernel, stride)
        self.register_buffer("window", squared_hann(kernel))

    def forward(self, wave: Tensor) -> Tensor:
        """Return the responses of the windowed kernels, (B, C, N)."""
        kernels = self.kernels
        return functional.conv1d(wave, kernels.weight * self.window, kernels.bias, kernels.stride)


class WindowedConvTranspose(nn.Module):
    """Overlap-add of learnt, windowed frames: (B, C, N) -> (B, 1, T), the ramps at both ends cut off."""

    window: Tensor

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernels = nn.ConvTranspose1d(channels, 1, kernel, stride)
        self.register_buffer("window", squared_hann(kernel))
        self._ramp = kernel - stride

    def forward(self, frames: Tensor) -> Tensor:
        """Return the waveform, (B, 1, T)."""
        kernels = self.kernels
        weight = kernels.weight * self.window
        return functional.conv_transpose1d(frames, weight, kernels.bias, kernels.stride, self._ramp)


def _rewrites(config: AutoencoderConfig) -> nn.Sequential:
    """Return the 1x1 convolutions, each followed by a ReLU: (B, C, N) -> (B, C, N)."""
    layers: list[nn.Module] = []
    for _ in range(config.rewrites):
        layers += [nn.Conv1d(config.channels, config.channels, 1), nn.ReLU()]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Padded waveform to embedding: (B, T) -> (B, D, N)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.analysis = WindowedConv(config.channels, config.kernel, config.stride)
        self.rewrites = _rewrites(config)
        self.output = nn.Conv1d(config.channels, config.dimension, 1)

    def forward(self, wave: Tensor) -> Tensor:
        """Return the embedding of `wave` (B, T): (B, D, N)."""
        hidden = functional.relu(self.analysis(wave[:, None]))  # (B, C, N)
        return self.output(self.rewrites(hidden))  # (B, D, N)


class Decoder(nn.Module):
    """Embedding to waveform: (B, D, N) -> (B, T)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.input = nn.Conv1d(config.dimension, config.channels, config.context)
        self.rewrites = _rewrites(config)
        self.synthesis = WindowedConvTranspose(config.channels, config.kernel, config.stride)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the waveform of `embedding` (B, D, N): (B, T), T = config.wave_length(N)."""
        hidden = functional.relu(self.input(embedding))  # (B, C, N - context + 1)
        return self.synthesis(self.rewrites(hidden))[:, 0]  # (B, T)


class Autoencoder(nn.Module):
    """Encoder and decoder: (B, T + 2·strip) -> (B, T)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        if config.fourier:
            self._start_as_sinusoids()

    def forward(self, wave: Tensor) -> Tensor:
        """Return the reconstruction of the middle of `wave` (B, T + 2·strip): (B, T)."""
        return self.decoder(self.encoder(wave))

    @torch.no_grad()
    def _start_as_sinusoids(self) -> None:
        """Start the outer kernels as cosines and sines of both signs, the other layers by He's rule.

        A ReLU passes one sign only, so a partial of any phase needs four kernels. With PyTorch's
        defaults the first thousands of steps go into finding such kernels.
        """
        analysis, synthesis = self.encoder.analysis.kernels, self.decoder.synthesis.kernels
        count, _, size = analysis.weight.shape
        time = torch.arange(size) - (size - 1) / 2
        frequency = (torch.arange(count // 4) + 0.5) * math.pi / (count // 4)  # radians a sample
        angle = frequency[:, None] * time
        waves = torch.cat([angle.cos(), angle.sin(), -angle.cos(), -angle.sin()])[:, None]  # (C, 1, kernel)
        analysis.weight[: len(waves)] = waves * (2 / math.sqrt(size))
        synthesis.weight[: len(waves)] = waves * 0.02
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d) and layer is not analysis:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
