"""WaveNet autoencoder of NSynth (Engel et al. 2017, arXiv 1704.01279), scaled down: the baseline SING competes with.

An encoder reduces the note to 16 values every 512 samples, and an autoregressive decoder draws one 8-bit sample after
another, conditioned on them. The network therefore needs the recorded note as input: its result is a
*reconstruction*, not synthesis from labels.

Waveforms are float, full scale [-1, 1]. A level is a sample as 8-bit mu-law, 0 to 255.

Shapes: B batch, T samples, C channels, S skip channels, H hops, Q = 256 levels.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.synthesis.wavenet_config import WavenetConfig

LEVELS = 256


def mu_law(wave: Tensor) -> Tensor:
    """Return the mu-law levels 0 to 255 (mu = 255) of a waveform in [-1, 1], int64, same shape.

    Example:
        >>> mu_law(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([  0, 128, 255])
    """
    compressed = wave.sign() * torch.log1p(255 * wave.abs()) / math.log(LEVELS)
    return (compressed * 128).floor().clamp(-128, 127).long() + 128


def inverse_mu_law(levels: Tensor) -> Tensor:
    """Return the waveform in [-1, 1] of mu-law levels 0 to 255: the middle of each level, float32."""
    compressed = (levels.float() - 128 + 0.5) / 128
    return compressed.sign() / 255 * (256 ** compressed.abs() - 1)


def _dilations(config: WavenetConfig) -> list[int]:
    """Return the dilation of each layer."""
    return [2**layer for _ in range(config.stacks) for layer in range(config.layers)]


class _EncoderLayer(nn.Module):
    """A non-causal residual layer: (B, C, T) -> (B, C, T)."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.dilated = nn.Conv1d(width, width, 3, dilation=dilation, padding=dilation)
        self.mix = nn.Conv1d(width, width, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.mix(functional.relu(self.dilated(functional.relu(hidden))))


class DecoderLayer(nn.Module):
    """Causal gated layer conditioned on the encoding: (B, C, T) -> residual (B, C, T) and skip (B, S, T).

    Args:
        config: sizes of the network.
        dilation: samples between the three taps of the convolution.
    """

    def __init__(self, config: WavenetConfig, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.dilated = nn.Conv1d(config.width, 2 * config.width, 3, dilation=dilation)
        self.code = nn.Conv1d(config.code, 2 * config.width, 1)
        self.residual = nn.Conv1d(config.width, config.width, 1)
        self.skip = nn.Conv1d(config.width, config.skip, 1)

    def forward(self, hidden: Tensor, code: Tensor) -> tuple[Tensor, Tensor]:
        gates = self.dilated(functional.pad(hidden, (2 * self.dilation, 0)))
        gates = gates.unflatten(-1, (code.shape[-1], -1)) + self.code(code)[..., None]
        gate, signal = gates.flatten(-2).chunk(2, 1)
        passed = gate.sigmoid() * signal.tanh()
        return hidden + self.residual(passed), self.skip(passed)


class WavenetAutoencoder(nn.Module):
    """WaveNet autoencoder: (B, T) -> logits (B, Q, T) of each sample, given all earlier samples and the encoding.

    T must be a multiple of the hop.

    Example:
        >>> network = WavenetAutoencoder(WavenetConfig())
        >>> logits, levels = network(torch.zeros(2, 1024))
        >>> logits.shape, levels.shape
        (torch.Size([2, 256, 1024]), torch.Size([2, 1024]))
    """

    def __init__(self, config: WavenetConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder_input = nn.Conv1d(1, config.encoder_width, 3, padding=1)
        self.encoder_layers = nn.ModuleList(_EncoderLayer(config.encoder_width, one) for one in _dilations(config))
        self.encoder_output = nn.Conv1d(config.encoder_width, config.code, 1)
        self.input = nn.Conv1d(1, config.width, 3)
        self.start = nn.Conv1d(config.width, config.skip, 1)
        self.layers = nn.ModuleList(DecoderLayer(config, one) for one in _dilations(config))
        self.mix = nn.Conv1d(config.skip, config.skip, 1)
        self.mix_code = nn.Conv1d(config.code, config.skip, 1)
        self.output = nn.Conv1d(config.skip, LEVELS, 1)

    def encode(self, wave: Tensor) -> Tensor:
        """Return the encoding (B, config.code, H) of `wave` (B, T), with H = T / hop."""
        hidden = self.encoder_input(_heard(mu_law(wave))[:, None])
        for layer in self.encoder_layers:
            hidden = layer(hidden)
        return functional.avg_pool1d(self.encoder_output(hidden), self.config.hop)

    def forward(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits (B, Q, T) of the samples of `wave` (B, T), and their true levels (B, T), the targets."""
        levels = mu_law(wave)
        code = self.encode(wave)
        before = functional.pad(_heard(levels), (1, -1))  # a sample is predicted from those before it
        hidden = self.input(functional.pad(before[:, None], (2, 0)))
        skip = self.start(hidden)
        for layer in self.layers:
            hidden, more = layer(hidden, code)
            skip = skip + more
        skip = self.mix(functional.relu(skip))
        skip = skip.unflatten(-1, (code.shape[-1], -1)) + self.mix_code(code)[..., None]
        return self.output(functional.relu(skip.flatten(-2))), levels


def _heard(levels: Tensor) -> Tensor:
    """Scale levels 0 to 255 to the input range of the network, -1 to 127/128."""
    return (levels.float() - 128) / 128
