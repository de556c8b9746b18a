"""The denoiser: a 1-D U-Net over latent frames that predicts the velocity v, given latents of what is known.

    level 0   [blocks] ── skip ──────────────────────────── [blocks]
    level 1     ↓ factor   [blocks] ── skip ── [blocks]   ↑ factor
    …                          (self-attention on the deepest levels)

A residual block is two convolutions, each after a norm within each frame and SiLU, then a scale and a shift
that depend on the noise level (FiLM). A level ends with a convolution of kernel and stride n; where
n > 1 the channels double. The condition, the mixture's latent, is concatenated to the noisy latent at the input; in the
variant "inject" it also enters the deepest levels, averaged to their frame rate. The refining network has a second
condition, the latent of the discriminative network's estimate.

The network tells, for each value of the latent, what it expects before it has looked at the noisy value: a mean μ and a
variance τ² in (0, 1]. The mean is a share (a sigmoid) of the last condition plus a correction. Given the noisy value
x = α x_0 + β ε, the expected x_0 of a normal distribution with that mean and variance follows, and with it

    v = β (α (1 - τ²) x - μ) / (α² τ² + β²)

At σ = 1, where the input is only noise, that is -μ. The noise itself passes by the formula and never through the hidden
layers, which may thus be narrower than the latent: of DAC's 1,024 values a frame, 216 channels could not carry it.

Source: the generator of Plaja-Roglans et al., arXiv 2511.21342, section 3. Choices that arXiv 2511.20470
leaves open are listed in this folder's README.
Shapes: B batch, D latent channels, C channels of a hidden layer, N latent frames, F features of the noise level, R
channels of the condition (D for each latent that is known).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.separation.diffusion import weights
from models.separation.norms import FrameNorm
from models.separation.sizes import DenoiserConfig

_SMALLEST_VARIANCE = 1e-2


class NoiseLevel(nn.Module):
    """Embedding of the noise level: random Fourier features, then three linear layers with GELU.

    The frequencies are drawn once and not trained.
    """

    frequencies: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(features // 2))
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Linear(features, features), nn.GELU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, sigma: Tensor) -> Tensor:
        """Return the features (B, F) of noise levels `sigma` (B,)."""
        angle = 2 * math.pi * sigma[:, None] * self.frequencies
        return self.layers(torch.cat([angle.cos(), angle.sin()], -1))


class Block(nn.Module):
    """Residual block whose output is scaled and shifted depending on the noise level: (B, C, N) -> (B, C, N)."""

    def __init__(self, channels: int, features: int, groups: int) -> None:
        super().__init__()
        self.first = nn.Sequential(FrameNorm(groups, channels), nn.SiLU(), nn.Conv1d(channels, channels, 3, padding=1))
        self.second = nn.Sequential(FrameNorm(groups, channels), nn.SiLU(), nn.Conv1d(channels, channels, 3, padding=1))
        self.film = nn.Linear(features, 2 * channels)

    def forward(self, hidden: Tensor, level: Tensor) -> Tensor:
        scale, shift = self.film(level)[..., None].chunk(2, 1)
        return hidden + self.second(self.first(hidden)) * (1 + scale) + shift


class Attention(nn.Module):
    """Self-attention over the frames, added to its input: (B, C, N) -> (B, C, N)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = FrameNorm(1, channels)
        self.project, self.output = nn.Conv1d(channels, 3 * channels, 1), nn.Conv1d(channels, channels, 1)
        self._heads = heads

    def forward(self, hidden: Tensor) -> Tensor:
        batch, channels, frames = hidden.shape
        query, key, value = (
            one.reshape(batch, self._heads, channels // self._heads, frames).transpose(2, 3)
            for one in self.project(self.norm(hidden)).chunk(3, 1)
        )
        seen = functional.scaled_dot_product_attention(query, key, value)
        return hidden + self.output(seen.transpose(2, 3).reshape(batch, channels, frames))


class Stack(nn.Module):
    """Residual blocks of one level: (B, C, N) -> (B, C, N).

    With `attends`, self-attention follows each block. With `reads` (the number R of its channels; 0 turns it off),
    the condition is averaged to the level's frame rate and injected before the first block.
    """

    def __init__(self, channels: int, blocks: int, config: DenoiserConfig, *, attends: bool, reads: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(channels, config.features, config.groups) for _ in range(blocks))
        self.attention = nn.ModuleList(Attention(channels, config.heads) for _ in range(blocks if attends else 0))
        self.inject = nn.Conv1d(channels + reads, channels, 1) if reads else None

    def forward(self, hidden: Tensor, level: Tensor, condition: Tensor) -> Tensor:
        if self.inject is not None:
            resized = functional.adaptive_avg_pool1d(condition, hidden.shape[-1])
            hidden = hidden + self.inject(torch.cat([hidden, resized], 1))
        for number, block in enumerate(self.blocks):
            hidden = block(hidden, level)
            if self.attention:
                hidden = self.attention[number](hidden)
        return hidden


class Denoiser(nn.Module):
    """U-Net that predicts the velocity from the noisy latent of the vocals, the known latents and the noise level.

    Example:
        >>> denoiser = Denoiser(DenoiserConfig(dimension=48, channels=64))
        >>> denoiser(torch.randn(2, 48, 256), torch.randn(2, 48, 256), torch.rand(2)).shape
        torch.Size([2, 48, 256])
    """

    def __init__(self, config: DenoiserConfig) -> None:
        super().__init__()
        self.config = config
        self.level = NoiseLevel(config.features)
        known = config.known * config.dimension
        self.input = nn.Conv1d(config.dimension + known, config.channels, 1)
        down, up = [], []
        channels, deepest = config.channels, len(config.factors) - config.attention
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for number, (factor, blocks) in enumerate(zip(config.factors, config.blocks, strict=True)):
            deep = number >= deepest
            reads = known if config.condition == "inject" and deep else 0
            wider = channels * 2 if factor > 1 else channels
            self.encoder.append(Stack(channels, blocks, config, attends=deep, reads=reads))
            down.append(nn.Conv1d(channels, wider, factor, factor))
            up.append(nn.ConvTranspose1d(wider, channels, factor, factor))
            self.decoder.append(Stack(channels, blocks, config, attends=deep, reads=reads))
            channels = wider
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.bottom = Stack(channels, 1, config, attends=config.attention > 0, reads=0)
        self.output = nn.Sequential(
            FrameNorm(config.groups, config.channels), nn.SiLU(), nn.Conv1d(config.channels, 3 * config.dimension, 1)
        )

    def forward(self, noisy: Tensor, condition: Tensor, sigma: Tensor) -> Tensor:
        """Return the predicted velocity, (B, D, N).

        Args:
            noisy: noisy latent of the vocals, (B, D, N), normalised to unit variance per channel.
            condition: latents that are known, normalised in the same way, (B, R, N): that of the mixture and, with
                `config.known` = 2, after it that of the estimate to be refined.
            sigma: noise level of each example, in [0, 1], (B,).

        Raises:
            ValueError: N is not a multiple of `config.multiple`.
        """
        if noisy.shape[-1] % self.config.multiple:
            raise ValueError(f"{noisy.shape[-1]} frames are no multiple of {self.config.multiple}")
        level = self.level(sigma)
        hidden, skips = self.input(torch.cat([noisy, condition], 1)), []
        for stack, down in zip(self.encoder, self.down, strict=True):
            hidden = stack(hidden, level, condition)
            skips.append(hidden)
            hidden = down(hidden)
        hidden = self.bottom(hidden, level, condition)
        for stack, up in zip(reversed(self.decoder), reversed(self.up), strict=True):
            hidden = stack(up(hidden) + skips.pop(), level, condition)
        correction, share, spread = self.output(hidden).float().chunk(3, 1)
        mean = share.sigmoid() * condition[:, -self.config.dimension :] + correction
        return expected_velocity(noisy, mean, spread.sigmoid().clamp_min(_SMALLEST_VARIANCE), sigma)


def expected_velocity(noisy: Tensor, mean: Tensor, variance: Tensor, sigma: Tensor) -> Tensor:
    """Return the velocity that is expected if x_0 is normally distributed, (B, D, N).

    Args:
        noisy: noisy latent x, (B, D, N).
        mean: mean μ of x_0 before x is seen, (B, D, N).
        variance: its variance τ², (B, D, N).
        sigma: noise level of each example, (B,).
    """
    alpha, beta = (one[:, None, None] for one in weights(sigma))
    return beta * (alpha * (1 - variance) * noisy - mean) / (alpha.square() * variance + beta.square())
