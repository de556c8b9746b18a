"""The project's own codec: encodes waveforms as latent frames and decodes them. It is fully convolutional.

    waveform ─┬─ MDCT ─ compand ─┬─ latent ─┬─ expand ─ inverse MDCT ─┬─ waveform
              └─ SEANet encoder ─┘          └─ SEANet decoder ────────┘

Two paths are added, both in the latent and in the decoded waveform:

* SEANet as in EnCodec (Défossez et al., arXiv 2210.13438, section 3.1), but small, without LSTM and quantiser. The
  encoder is a convolution of kernel 7, then for each stride a residual block and a strided convolution that doubles
  the channels, then a convolution of kernel 7 to the latent. The decoder mirrors it.
* A linear path, initialised with the lowest coefficients of an MDCT at the codec's hop, and trained further. The
  coefficients are companded (signed square root), because those of music span 80 dB, while diffusion assumes an
  approximately normal distribution.

The last layers of SEANet are initialised with zeros, so an untrained codec already reproduces the lower part of the
spectrum, and a short training can concentrate on the rest. SEANet alone, trained from scratch for 2,000 steps, reached
1.3 dB of SDR on sung vocals; the lowest 48 of 320 MDCT coefficients alone reach 6.1 dB.

Padding is symmetric, so there is no delay: latent frame n represents samples n·hop … (n + 1)·hop, and decoding
returns them at the same place.

Waveforms are float, full scale [-1, 1].
Shapes: B batch, T samples, C channels of a hidden layer, D latent channels, N latent frames.
"""

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.separation.sizes import CodecConfig

_LINEAR = 1e-4  # companding is approximately linear for magnitudes below this


class Timing(Protocol):
    """Time base of a codec: sample rate in Hz, and hop (number of samples per latent frame)."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def hop(self) -> int: ...


class AnyCodec(Protocol):
    """Interface of a codec: the project's own (`Codec`) or a published one (`published.codec_networks`).

    Sound has one channel per item of the batch.
    """

    @property
    def config(self) -> Timing: ...

    @property
    def reach(self) -> int | None:
        """Number of neighbouring frames, on each side, whose sound can influence a latent frame; None if unbounded."""
        ...

    def encode(self, wave: Tensor) -> Tensor:
        """Encode waveforms (B, T) as latents (B, D, N), with N = T / hop rounded up."""
        ...

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Decode latents (B, D, N) to waveforms (B, N · hop), or to their first `length` samples."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]: ...

    def __call__(self, wave: Tensor) -> Tensor:
        """Encode and decode waveforms (B, T); the result has the same shape."""
        ...


class Elu(nn.Module):
    """The exponential linear unit: x where x > 0, else exp(x) - 1; any shape.

    It is computed from vectorised operations and differs from `nn.ELU` by at most 1e-7. On CPUs, that of torch computes
    one exponential at a time, which is six times as slow. What can be is computed in place: these are the
    largest arrays of the codec.
    """

    def forward(self, values: Tensor) -> Tensor:
        below = (-values).relu_()
        above = values + below  # so the gradient at 0 is 1, as that of `nn.ELU` is
        if values.requires_grad:  # then autograd keeps the exponentials
            return above.add_(below.neg().exp_() - 1)
        return above.add_(below.neg_().exp_().sub_(1))


class Residual(nn.Module):
    """Residual block: a convolution to half the channels and one back, added to a 1x1 convolution of the input.

    Shapes: (B, C, N) -> (B, C, N).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Elu(), nn.Conv1d(channels, channels // 2, 3, padding=1), Elu(), nn.Conv1d(channels // 2, channels, 1)
        )
        self.shortcut = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.shortcut(hidden) + self.body(hidden)


class Shorten(nn.Module):
    """Downsampling by r: a convolution of kernel 2r and stride r, symmetrically padded, (B, C, r·N) -> (B, 2C, N)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(channels, 2 * channels, 2 * stride, stride)
        self._padding = (stride // 2, stride - stride // 2)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.convolution(functional.pad(hidden, self._padding))


class Lengthen(nn.Module):
    """Upsampling by r: the transposed convolution that mirrors `Shorten`, (B, 2C, N) -> (B, C, r·N)."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose1d(2 * channels, channels, 2 * stride, stride)
        self._begin, self._end = stride // 2, stride - stride // 2

    def forward(self, hidden: Tensor) -> Tensor:
        return self.convolution(hidden)[..., self._begin : -self._end]


class Lapped(nn.Module):
    """Trainable linear transform and its inverse, initialised as the lowest D coefficients of an MDCT.

    The MDCT has a sine window of 2·hop samples (Princen and Bradley 1987). Analysis and synthesis have separate
    weights, both trained.
    """

    def __init__(self, hop: int, dimension: int) -> None:
        super().__init__()
        time, band = torch.arange(2 * hop) + 0.5, torch.arange(dimension) + 0.5
        window = math.sqrt(2 / hop) * torch.sin(math.pi * time / (2 * hop))
        kernels = window * torch.cos(math.pi / hop * (time + hop / 2) * band[:, None])  # (D, 2·hop)
        self.forwards, self.backwards = nn.Parameter(kernels.clone()), nn.Parameter(kernels.clone())
        self._hop, self._begin = hop, hop // 2

    def analyse(self, wave: Tensor) -> Tensor:
        """Return the coefficients (B, D, N) of waveforms (B, T); T must be a multiple of the hop."""
        padded = functional.pad(wave, (self._begin, self._hop - self._begin))
        return functional.conv1d(padded[:, None], self.forwards[:, None], stride=self._hop)

    def synthesise(self, coefficients: Tensor) -> Tensor:
        """Return the waveforms (B, N · hop) of coefficients (B, D, N)."""
        wave = functional.conv_transpose1d(coefficients, self.backwards[:, None], stride=self._hop)
        return wave[:, 0, self._begin : wave.shape[-1] - (self._hop - self._begin)]


def compand(values: Tensor) -> Tensor:
    """Return the signed square root of values of any shape; close to linear for magnitudes below `_LINEAR`."""
    return values * (values.abs() + _LINEAR).rsqrt()


def expand(values: Tensor) -> Tensor:
    """Invert `compand`."""
    return values * (values.abs() + (values.square() + 4 * _LINEAR).sqrt()) / 2


class Codec(nn.Module):
    """Encoder and decoder of the project's own codec.

    Attributes:
        reach: number of neighbouring frames, on each side, whose sound can influence a latent frame (upper bound).
        config: sizes of the network.

    Example:
        >>> codec = Codec(CodecConfig())
        >>> codec.encode(torch.randn(1, 16_000)).shape
        torch.Size([1, 64, 50])
    """

    reach: int | None = 8

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        width, channels = config.encoder_channels, config.channels
        first, last = nn.Conv1d(1, width, 7, padding=3), nn.Conv1d(channels, 1, 7, padding=3)
        encoder: list[nn.Module] = [first]
        decoder: list[nn.Module] = [last, Elu()]
        for stride in config.strides:
            encoder += [Residual(width), Elu(), Shorten(width, stride)]
            decoder += [Residual(channels), Lengthen(channels, stride), Elu()]
            width, channels = 2 * width, 2 * channels
        encoder += [Elu(), latent := nn.Conv1d(width, config.dimension, 7, padding=3)]
        decoder += [nn.Conv1d(config.dimension, channels, 7, padding=3)]
        for layer in (latent, last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*reversed(decoder))
        self.lapped = Lapped(config.hop, config.dimension)

    def encode(self, wave: Tensor) -> Tensor:
        """Encode waveforms (B, T) as latents (B, D, N), N = T / hop rounded up; the end is padded with zeros."""
        whole = functional.pad(wave, (0, -wave.shape[-1] % self.config.hop))
        return compand(self.lapped.analyse(whole)) + self.encoder(whole[:, None])

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Decode latents (B, D, N) to waveforms (B, N · hop), or to their first `length` samples."""
        return (self.lapped.synthesise(expand(latent)) + self.decoder(latent)[:, 0])[:, :length]

    def forward(self, wave: Tensor) -> Tensor:
        """Encode and decode waveforms (B, T); the result has the same shape."""
        return self.decode(self.encode(wave), wave.shape[-1])
