"""Encoders: networks that turn a wave into layers of frames, from which the melody extractor and others learn.

Every encoder, the project's own or a published one, works on 16 kHz and gives frames at 50 Hz; frame k is centred at
sample 320·k. Layer 0 is the projected output of its convolutions, layers 1 to L are those of its Transformer.

Shapes: B batch, T samples, L Transformer layers, N = 1 + floor(T / 320) frames, D features.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.conversion.blocks import BlockConfig, BoundedBlocks
from models.conversion.frames import HOP, RATE
from models.conversion.melody.config import EncoderConfig
from models.conversion.melody.spectrum import HarmonicSpectrum

STRIDE = 2 * HOP  # samples per frame
ENCODER_RATE = RATE // STRIDE  # frames per second


def encoder_frames(samples: int) -> int:
    """Return the number of frames of a recording: 1 + floor(samples / 320)."""
    return 1 + samples // STRIDE


class Encoder(nn.Module, ABC):
    """What every encoder is.

    Attributes:
        layers: number of layers, L + 1.
        features: number of features D.
        reach: number of frames on either side that a frame depends on; 0 if it depends on all it is given.
    """

    layers: int
    features: int
    reach: int = 0

    @abstractmethod
    def forward(self, waves: Tensor) -> Tensor:
        """Return all layers of waves.

        Args:
            waves: (B, T) float32, full scale [-1, 1], 16 kHz; whole recordings or crops of equal length.

        Returns:
            (L + 1, B, N, D) float32.
        """

    def frozen_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that stay as they are when the encoder is fine-tuned."""
        return []


class HarmonicEncoder(Encoder):
    """The project's own encoder: convolutions over the harmonic spectrum, then FFT blocks of bounded reach.

    Example:
        >>> HarmonicEncoder(EncoderConfig())(torch.zeros(2, 16_000)).shape
        torch.Size([5, 2, 51, 256])
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.layers, self.features = config.blocks + 1, config.features
        self.spectrum = HarmonicSpectrum(config.spectrum)
        stacked = len(config.spectrum.windows) * len(config.spectrum.harmonics)
        size, side = config.channels, config.kernel // 2
        self.first = nn.Conv2d(stacked, size, (config.kernel, 3), (1, 2), (side, 1))
        self.second = nn.Conv2d(size, size, (config.kernel, 1), 1, (side, 0))
        self.third = nn.Conv2d(size, size, (config.kernel, 3), 1, (side, 1))
        self.narrow = nn.Conv2d(size, config.narrow, 1)
        self.project = nn.Linear(config.narrow * config.spectrum.bins, config.features)
        self.norm = nn.LayerNorm(config.features)
        self.masked = nn.Parameter(torch.zeros(config.features))
        self.blocks = BoundedBlocks(
            BlockConfig(
                config.blocks, config.features, config.heads, config.filters, config.width, config.dropout, config.reach
            )
        )
        window = max(config.spectrum.windows)
        self.reach = self.blocks.reach + 2 + -(-window // STRIDE)

    def convolve(self, spectra: Tensor) -> Tensor:
        """Return layer 0, (B, N, D), of harmonic spectra (B, W·H, F, M)."""
        hidden = functional.relu(self.first(spectra))  # (B, C, F, N)
        hidden = hidden + functional.relu(self.second(hidden))
        hidden = hidden + functional.relu(self.third(hidden))
        hidden = functional.relu(self.narrow(hidden))  # (B, narrow, F, N)
        return self.norm(self.project(hidden.flatten(1, 2).transpose(1, 2)))

    def forward(self, waves: Tensor, masked: Tensor | None = None) -> Tensor:
        """Return all layers, (L + 1, B, N, D), of waves (B, T).

        Args:
            waves: (B, T) float32.
            masked: (B, N) booleans: frames of layer 0 that a learnt vector replaces; for the training without labels.
        """
        frames = self.convolve(self.spectrum(waves))
        if masked is not None:
            frames = torch.where(masked[..., None], self.masked, frames)
        return torch.stack([frames, *self.blocks.layers(frames)])
