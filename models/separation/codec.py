"""The codec of our own: sound to latent frames and back, fully convolutional.

    sound ─┬─ lapped transform ─ companded ─┬─ latent ─┬─ expanded ─ its inverse ─┬─ sound
           └─ SEANet encoder ───────────────┘          └─ SEANet decoder ─────────┘

The encoder and decoder of SEANet as EnCodec has them (Défossez et al., arXiv 2210.13438, section 3.1),
small, without LSTM and quantiser: a 7-tap convolution, then for each stride a residual block and a
strided convolution that doubles the channels, then 7 taps to the latent; the decoder mirrors it.
Beside them goes a linear path that begins as the lowest coefficients of an MDCT of the hop, and the last
layers of SEANet begin at zero: an untrained codec already returns the lower part of the spectrum, and minutes of
training go into what is above. SEANet alone, from scratch, came to 1.3 dB of SDR on sung vocals in 2,000 steps;
the lowest 48 of 320 coefficients alone are at 6.1 dB. The coefficients are companded (their square roots, with a
sign), because those of music span 80 dB and diffusion assumes about a normal distribution.

Padding is the same on both sides, so a latent frame stands for the samples in its middle and
decoding is not late: frame n covers samples n·hop … (n + 1)·hop.

Shapes: B batch, T samples, C channels, D latent channels, N frames.
"""

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.separation.config import CodecConfig

_LINEAR = 1e-4  # magnitude below which companding is linear


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


class Lapped(nn.Module):
    """The lowest D coefficients of an MDCT with a sine window (Princen and Bradley 1987), and back, both learnt on."""

    def __init__(self, hop: int, dimension: int) -> None:
        super().__init__()
        time, band = torch.arange(2 * hop) + 0.5, torch.arange(dimension) + 0.5
        window = math.sqrt(2 / hop) * torch.sin(math.pi * time / (2 * hop))
        kernels = window * torch.cos(math.pi / hop * (time + hop / 2) * band[:, None])  # (D, 2·hop)
        self.forwards, self.backwards = nn.Parameter(kernels.clone()), nn.Parameter(kernels.clone())
        self._hop, self._begin = hop, hop // 2

    def analyse(self, wave: Tensor) -> Tensor:
        """Return the coefficients of (B, T), T a multiple of the hop: (B, D, N)."""
        padded = functional.pad(wave, (self._begin, self._hop - self._begin))
        return functional.conv1d(padded[:, None], self.forwards[:, None], stride=self._hop)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Return the waveform of (B, D, N): (B, N · hop)."""
        wave = functional.conv_transpose1d(coefficients, self.backwards[:, None], stride=self._hop)
        return wave[:, 0, self._begin : wave.shape[-1] - (self._hop - self._begin)]


def compand(values: Tensor) -> Tensor:
    """Return values with their magnitudes' square roots, linear below `_LINEAR`."""
    return values * (values.abs() + _LINEAR).rsqrt()


def expand(values: Tensor) -> Tensor:
    """Undo `compand`."""
    return values * (values.abs() + (values.square() + 4 * _LINEAR).sqrt()) / 2


class Codec(nn.Module):
    """Encoder and decoder."""

    reach: int | None = 8

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        first, last = nn.Conv1d(1, config.channels, 7, padding=3), nn.Conv1d(config.channels, 1, 7, padding=3)
        encoder: list[nn.Module] = [first]
        decoder: list[nn.Module] = [last, nn.ELU()]
        channels = config.channels
        for stride in config.strides:
            encoder += [Residual(channels), nn.ELU(), Shorten(channels, stride)]
            decoder += [Residual(channels), Lengthen(channels, stride), nn.ELU()]
            channels *= 2
        encoder += [nn.ELU(), latent := nn.Conv1d(channels, config.dimension, 7, padding=3)]
        decoder += [nn.Conv1d(config.dimension, channels, 7, padding=3)]
        for layer in (latent, last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*reversed(decoder))
        self.lapped = Lapped(config.hop, config.dimension)

    def encode(self, wave: Tensor) -> Tensor:
        """Return the latent of (B, T): (B, D, N), N = T / hop rounded up; the end is padded with zeros."""
        whole = functional.pad(wave, (0, -wave.shape[-1] % self.config.hop))
        return compand(self.lapped.analyse(whole)) + self.encoder(whole[:, None])

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Return the waveform of (B, D, N): (B, N · hop), or its first `length` samples."""
        return (self.lapped.synthesise(expand(latent)) + self.decoder(latent)[:, 0])[:, :length]

    def forward(self, wave: Tensor) -> Tensor:
        """Return the reconstruction of (B, T), as long."""
        return self.decode(self.encode(wave), wave.shape[-1])
