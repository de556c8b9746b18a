"""Sizes of the networks of the separation system.

Does not import torch, so that the asset graph reads configurations quickly. Choices that arXiv 2511.20470 leaves
open are set here and listed in this folder's README.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class CodecConfig:
    """Sizes of the project's own codec: SEANet, as in EnCodec's encoder and decoder, without a quantiser.

    Attributes:
        sample_rate: sample rate of the coded sound in Hz; each channel of the sound is coded separately.
        channels: number of channels of the decoder's last layer; each stride doubles it on the way back.
        encoder_channels: number of channels of the encoder's first layer; each stride doubles it. The encoder works at
            every training step of the denoiser.
        strides: strides of the encoder, in order; their product is the hop.
        dimension: number of values per latent frame.
    """

    sample_rate: int = 16_000
    channels: int = 16
    encoder_channels: int = 16
    strides: tuple[int, ...] = (2, 4, 5, 8)
    dimension: int = 64

    @property
    def hop(self) -> int:
        """Number of samples per latent frame."""
        return math.prod(self.strides)


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the denoiser, a conditional U-Net over latent frames.

    Attributes:
        dimension: number of latent channels.
        channels: number of channels of the first level.
        factors: factor by which each level shortens the time axis; where it is above 1, the channels double.
        blocks: number of residual blocks of each level, in each of encoder and decoder.
        attention: number of levels with self-attention, counted from the deepest; above 0, the bottleneck has it too.
        heads: number of attention heads.
        groups: number of groups of channels that are normalised on their own in each frame.
        features: size of the embedding of the noise level.
        condition: where the condition enters: "concat" at the input, "inject" also on the attention levels.
        known: number of latents that are the condition: 1, the mixture's; or 2, with the estimate to be refined.
    """

    dimension: int = 128
    channels: int = 216
    factors: tuple[int, ...] = (1, 2, 2, 2)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    attention: int = 2
    heads: int = 8
    groups: int = 8
    features: int = 1024
    condition: str = "concat"
    known: int = 1

    @property
    def multiple(self) -> int:
        """Product of the factors: the number of latent frames must be a multiple of it."""
        return math.prod(self.factors)


@dataclass(frozen=True)
class MaskNetworkConfig:
    """Sizes of the discriminative network, which predicts a mask on the mixture's STFT.

    Attributes:
        n_fft: STFT size in samples; the hop is a quarter of it.
        channels: number of channels of the convolutions.
        dilations: dilation of the convolution in each block, in STFT frames.
    """

    n_fft: int = 2048
    channels: int = 512
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4, 8, 16)
