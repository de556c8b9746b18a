"""SING's convolutional autoencoder (paper section 3.1): waveform to frames of 128 values and back.

Both outer layers multiply their kernels by a squared Hann window on every pass, so the
encoder reads smooth frames and the decoder overlap-adds learnt ones. Nothing is padded
inside, which costs samples at each end:

    input   |<-------------------------- 68,608 -------------------------->|
    output         |<------------------- 65,024 ------------------->|
            | 1792 |                                                | 1792 |
              strip = kernel - stride + (context - 1) · stride / 2

Every layer here is a matrix product over frames, so it is computed as one: the frames are laid
out as rows (B, N, C) and never transposed, which is faster than convolutions over (B, C, N).
The parameters keep the shapes of the convolutions they are.

Shapes: B batch, T samples, C channels, D embedding dimensions, N frames, K kernel, S stride.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.signal import squared_hann
from models.synthesis.config import AutoencoderConfig


class WindowedConv(nn.Module):
    """Reads windowed frames of samples: (B, T) -> (B, N, C)."""

    window: Tensor

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernels = nn.Conv1d(1, channels, kernel, stride)
        self.register_buffer("window", squared_hann(kernel))
        self._kernel, self._stride = kernel, stride

    def forward(self, wave: Tensor) -> Tensor:
        """Return the responses of the windowed kernels, (B, N, C)."""
        frames = wave.unfold(1, self._kernel, self._stride)  # (B, N, K)
        return functional.linear(frames, self.kernels.weight[:, 0] * self.window, self.kernels.bias)


class WindowedConvTranspose(nn.Module):
    """Overlap-adds learnt, windowed frames: (B, N, C) -> (B, T), the ramps at both ends cut off."""

    window: Tensor

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernels = nn.ConvTranspose1d(channels, 1, kernel, stride)
        self.register_buffer("window", squared_hann(kernel))
        self._stride, self._overlap = stride, kernel // stride

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the waveform, (B, T), T = (N + 1 - K/S)·S + … as `AutoencoderConfig.wave_length`."""
        frames = hidden @ (self.kernels.weight[:, 0] * self.window)  # (B, N, K)
        pieces = frames.unflatten(-1, (self._overlap, self._stride))  # (B, N, K/S, S)
        # Sample block m of the output gets piece j of frame m - j. Blocks that not all frames
        # reach, the ramps, are left out.
        count = frames.shape[1] - self._overlap + 1
        blocks = pieces[:, self._overlap - 1 :, 0]
        for j in range(1, self._overlap):
            start = self._overlap - 1 - j
            blocks = blocks + pieces[:, start : start + count, j]
        assert self.kernels.bias is not None
        return blocks.flatten(1) + self.kernels.bias  # (B, T)


class FrameLayer(nn.Conv1d):
    """A convolution over frames laid out as rows: (B, N, C) -> (B, N - kernel + 1, C')."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """Return each frame's product with the kernels."""
        if self.kernel_size[0] > 1:
            input = input.unfold(1, self.kernel_size[0], 1).flatten(2)  # noqa: A001 (B, N', C·kernel)
        return functional.linear(input, self.weight.flatten(1), self.bias)


def _rewrites(config: AutoencoderConfig) -> nn.Sequential:
    """Return the 1x1 convolutions, each followed by a ReLU: (B, N, C) -> (B, N, C)."""
    layers: list[nn.Module] = []
    for _ in range(config.rewrites):
        layers += [FrameLayer(config.channels, config.channels, 1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Padded waveform to embedding: (B, T) -> (B, D, N)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.analysis = WindowedConv(config.channels, config.kernel, config.stride)
        self.rewrites = _rewrites(config)
        self.output = FrameLayer(config.channels, config.dimension, 1)

    def forward(self, wave: Tensor) -> Tensor:
        """Return the embedding of `wave` (B, T): (B, D, N)."""
        hidden = functional.relu(self.analysis(wave))  # (B, N, C)
        return self.output(self.rewrites(hidden)).transpose(1, 2)  # (B, D, N)


class Decoder(nn.Module):
    """Embedding to waveform: (B, D, N) -> (B, T)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.input = FrameLayer(config.dimension, config.channels, config.context)
        self.rewrites = _rewrites(config)
        self.synthesis = WindowedConvTranspose(config.channels, config.kernel, config.stride)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the waveform of `embedding` (B, D, N): (B, T), T = config.wave_length(N)."""
        hidden = functional.relu(self.input(embedding.transpose(1, 2)))  # (B, N - context + 1, C)
        return self.synthesis(self.rewrites(hidden))  # (B, T)


class Autoencoder(nn.Module):
    """Encoder and decoder: (B, T + 2·strip) -> (B, T)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
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
