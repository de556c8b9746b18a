"""SING's convolutional autoencoder (paper section 3.1): waveform to embedding frames and back.

Both outer layers multiply their kernels by a squared Hann window on every pass: the encoder analyses windowed
frames, and the decoder overlap-adds learnt windowed frames. No layer pads its input, so the output is shorter than
the input at each end. For a note of 4 s (in samples):

    input   |<-------------------------- 68,608 -------------------------->|
    output         |<------------------- 65,024 ------------------->|
            | 1792 |                                                | 1792 |
              strip = kernel - stride + (context - 1) · stride / 2

Waveforms are float, full scale [-1, 1], at 16 kHz.

Shapes: B batch, T samples, C channels, D embedding dimensions (128 in the paper), N frames.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.signal import squared_hann
from models.synthesis.config import AutoencoderConfig
from models.synthesis.notes import MARGIN


class WindowedConv(nn.Module):
    """Strided convolution over samples, with windowed kernels: (B, 1, T) -> (B, C, N).

    Args:
        channels: number of kernels, C.
        kernel: length of a kernel and of its window in samples.
        stride: samples between frames.
    """

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
    """Overlap-add of learnt, windowed frames: (B, C, N) -> (B, 1, T).

    The first and the last `kernel - stride` samples, where not all frames overlap, are cut off.

    Args:
        channels: number of kernels, C.
        kernel: length of a kernel and of its window in samples.
        stride: samples between frames.
    """

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
    """Encoder from padded waveform to embedding: (B, T) -> (B, D, N)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.analysis = WindowedConv(config.channels, config.kernel, config.stride)
        self.rewrites = _rewrites(config)
        self.output = nn.Conv1d(config.channels, config.dimension, 1)

    def forward(self, wave: Tensor) -> Tensor:
        """Return the embedding (B, D, N) of `wave` (B, T), which is zero-padded at both ends."""
        hidden = functional.relu(self.analysis(wave[:, None]))  # (B, C, N)
        return self.output(self.rewrites(hidden))  # (B, D, N)


class Decoder(nn.Module):
    """Decoder from embedding to waveform: (B, D, N) -> (B, T)."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.input = nn.Conv1d(config.dimension, config.channels, config.context)
        self.rewrites = _rewrites(config)
        self.synthesis = WindowedConvTranspose(config.channels, config.kernel, config.stride)

    def forward(self, embedding: Tensor) -> Tensor:
        """Return the waveform (B, T) of `embedding` (B, D, N), with T = config.wave_length(N)."""
        hidden = functional.relu(self.input(embedding))  # (B, C, N - context + 1)
        return self.synthesis(self.rewrites(hidden))[:, 0]  # (B, T)


class Autoencoder(nn.Module):
    """Encoder followed by decoder: (B, T + 2·strip) -> (B, T).

    Example:
        >>> network = Autoencoder(AutoencoderConfig(channels=8, dimension=4))
        >>> network(torch.zeros(2, 68_608)).shape
        torch.Size([2, 65024])
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        if config.fourier:
            self._start_as_sinusoids()

    def forward(self, wave: Tensor) -> Tensor:
        """Return the reconstruction (B, T) of `wave` (B, T + 2·strip) without `strip` samples at each end."""
        return self.decoder(self.encoder(wave))

    @property
    def hop(self) -> int:
        """Samples between embedding frames."""
        return self.config.stride

    def embed(self, wave: Tensor, pitch: Tensor) -> Tensor:
        """Return the embedding (B, N, D) of notes (B, T); their pitches (B,) are not used."""
        padding = MARGIN + self.config.strip
        return self.encoder(functional.pad(wave, (padding, padding))).transpose(1, 2)

    def rebuild(self, wave: Tensor, pitch: Tensor) -> Tensor:
        """Return the reconstructions (B, T + 2·`MARGIN`) of notes (B, T); their pitches (B,) are not used."""
        return self.decoder(self.embed(wave, pitch).transpose(1, 2))

    @torch.no_grad()
    def _start_as_sinusoids(self) -> None:
        """Initialise the outer kernels as cosines and sines of both signs, the other layers by He's rule.

        A ReLU passes only positive values, so a partial of any phase needs four kernels. With PyTorch's default
        initialisation the network needs thousands of steps to find such kernels. Not in the paper.
        """
        analysis, synthesis = self.encoder.analysis.kernels, self.decoder.synthesis.kernels
        count, _, size = analysis.weight.shape
        time = torch.arange(size) - (size - 1) / 2
        frequency = (torch.arange(count // 4) + 0.5) * math.pi / (count // 4)  # radians per sample
        angle = frequency[:, None] * time
        waves = torch.cat([angle.cos(), angle.sin(), -angle.cos(), -angle.sin()])[:, None]  # (C, 1, kernel)
        analysis.weight[: len(waves)] = waves * (2 / math.sqrt(size))
        synthesis.weight[: len(waves)] = waves * 0.02
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d) and layer is not analysis:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
