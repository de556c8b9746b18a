"""The codec of our own: sound to latent frames and back, fully convolutional.

The encoder and decoder of SEANet as EnCodec has them (Défossez et al., arXiv 2210.13438, section 3.1),
small, without LSTM and quantiser: a 7-tap convolution, then for each stride a residual block and a
strided convolution that doubles the channels, then 7 taps to the latent; the decoder mirrors it.
Padding is the same on both sides, so a latent frame stands for the samples in its middle and
decoding is not late: frame n covers samples n·hop … (n + 1)·hop.

Shapes: B batch, T samples, C channels, D latent channels, N frames.
"""

from collections.abc import Iterator
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional

from models.separation.config import CodecConfig


class Timing(Protocol):
    """How a codec counts time: sample rate in Hz, and samples a latent frame."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def hop(self) -> int: ...


class AnyCodec(Protocol):
    """What the system asks of a codec, be it our own (`Codec`) or a published one (`pretrained.py`)."""

    @property
    def config(self) -> Timing: ...

    @property
    def reach(self) -> int | None:
        """How many latent frames to either side the sound of a frame reaches; None if there is no bound."""
        ...

    def encode(self, wave: Tensor) -> Tensor:
        """Return the latent of (B, T): (B, D, N), N = T / hop rounded up."""
        ...

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Return the waveform of (B, D, N): (B, N · hop), or its first `length` samples."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, wave: Tensor) -> Tensor:
        """Return the reconstruction of (B, T), as long."""
        ...


class Residual(nn.Module):
    """Two convolutions at half the width beside a shortcut: (B, C, N) -> (B, C, N)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ELU(), nn.Conv1d(channels, channels // 2, 3, padding=1), nn.ELU(), nn.Conv1d(channels // 2, channels, 1)
        )
        self.shortcut = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.shortcut(hidden) + self.body(hidden)


class Shorten(nn.Module):
    """A convolution of kernel 2r and stride r, centred: (B, C, r·N) -> (B, 2C, N)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels, 2 * channels, 2 * stride, stride)
        self._padding = (stride // 2, stride - stride // 2)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.convolution(functional.pad(hidden, self._padding))


class Lengthen(nn.Module):
    """The transpose of `Shorten`: (B, 2C, N) -> (B, C, r·N)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose1d(2 * channels, channels, 2 * stride, stride)
        self._begin, self._end = stride // 2, stride - stride // 2

    def forward(self, hidden: Tensor) -> Tensor:
        return self.convolution(hidden)[..., self._begin : -self._end]


class Codec(nn.Module):
    """Encoder and decoder."""

    reach: int | None = 8

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        encoder: list[nn.Module] = [nn.Conv1d(1, config.channels, 7, padding=3)]
        decoder: list[nn.Module] = [nn.Conv1d(config.channels, 1, 7, padding=3), nn.ELU()]
        channels = config.channels
        for stride in config.strides:
            encoder += [Residual(channels), nn.ELU(), Shorten(channels, stride)]
            decoder += [Residual(channels), Lengthen(channels, stride), nn.ELU()]
            channels *= 2
        encoder += [nn.ELU(), nn.Conv1d(channels, config.dimension, 7, padding=3)]
        decoder += [nn.Conv1d(config.dimension, channels, 7, padding=3)]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*reversed(decoder))

    def encode(self, wave: Tensor) -> Tensor:
        """Return the latent of (B, T): (B, D, N), N = T / hop rounded up; the end is padded with zeros."""
        return self.encoder(functional.pad(wave, (0, -wave.shape[-1] % self.config.hop))[:, None])

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Return the waveform of (B, D, N): (B, N · hop), or its first `length` samples."""
        return self.decoder(latent)[:, 0, :length]

    def forward(self, wave: Tensor) -> Tensor:
        """Return the reconstruction of (B, T), as long."""
        return self.decode(self.encode(wave), wave.shape[-1])
