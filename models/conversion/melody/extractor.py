"""The melody extractor: an encoder, a weighted sum of its layers, FFT blocks, and one linear layer for the melody.

    waves ── encoder ── Σ w_l · layer_l ── linear ── ×2 in time ── FFT blocks ── melody features ── linear ── pitch,
                                                                                               energy, voicing

Shapes: B batch, T samples, L + 1 layers, N50 frames at 50 Hz, N = 1 + floor(T / 160) melody frames, D features of the
encoder, C melody features, P pitch outputs.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.conversion.blocks import BlockConfig, BoundedBlocks
from models.conversion.frames import melody_frames
from models.conversion.melody.config import ExtractorConfig
from models.conversion.melody.encoder import Encoder
from models.conversion.melody.pitch import decode_pitch, pitch_loss, pitch_outputs

_ENERGY_MIDDLE, _ENERGY_SCALE = -4.0, 2.0  # of the natural logarithm of the RMS


@dataclass(frozen=True)
class Outputs:
    """What the extractor says of a batch.

    Attributes:
        features: melody features, (B, N, C).
        pitch: pitch outputs, (B, N, P).
        energy: normalised energy, (B, N).
        voicing: logit of the probability that the frame is voiced, (B, N).
    """

    features: Tensor
    pitch: Tensor
    energy: Tensor
    voicing: Tensor


class ExtractorNetwork(nn.Module):
    """The melody extractor with its encoder.

    Example:
        >>> network = ExtractorNetwork(HarmonicEncoder(EncoderConfig()), ExtractorConfig())
        >>> network(torch.zeros(1, 16_000)).features.shape
        torch.Size([1, 101, 256])
    """

    def __init__(self, encoder: Encoder, config: ExtractorConfig) -> None:
        """Build the network.

        Args:
            encoder: encoder it hears with; it becomes part of the network.
            config: sizes of the rest.

        Raises:
            ValueError: `config.layers` is neither "sum" nor "last".
        """
        super().__init__()
        if config.layers not in ("sum", "last"):
            raise ValueError(f"layers {config.layers!r}: choose sum or last")
        self.config, self.encoder = config, encoder
        self.weights = nn.Parameter(torch.zeros(encoder.layers))
        self.project = nn.Linear(encoder.features, 2 * config.features)
        self.blocks = BoundedBlocks(
            BlockConfig(
                config.blocks, config.features, config.heads, config.filters, config.width, config.dropout, config.reach
            )
        )
        self.head = nn.Linear(config.features, pitch_outputs(config.pitch) + 2)

    def train(self, mode: bool = True) -> "ExtractorNetwork":
        """Set the mode of training or evaluation; an encoder that is not trained stays in evaluation mode."""
        super().train(mode)
        if not any(one.requires_grad for one in self.encoder.parameters()):
            self.encoder.eval()
        return self

    def layer_weights(self) -> Tensor:
        """Return the weights of the encoder's layers, (L + 1,); they sum to 1."""
        if self.config.layers == "last":
            return functional.one_hot(torch.tensor(len(self.weights) - 1), len(self.weights)).to(self.weights)
        return self.weights.softmax(0)

    def combine(self, layers: Tensor, count: int) -> Outputs:
        """Return the melody, in `count` melody frames, of the encoder's layers (L + 1, B, N50, D)."""
        if self.config.layers == "last":
            frames = layers[-1]
        else:
            frames = torch.einsum("l,lbnd->bnd", self.layer_weights(), layers)
        doubled = self.project(frames).unflatten(-1, (2, -1)).flatten(1, 2)  # (B, 2·N50, C)
        features = self.blocks(doubled[:, :count])
        found = self.head(features)
        return Outputs(features, found[..., :-2], found[..., -2], found[..., -1])

    def forward(self, waves: Tensor) -> Outputs:
        """Return the melody of waves (B, T), float32, 16 kHz."""
        return self.combine(self.encoder(waves), melody_frames(waves.shape[-1]))

    def f0(self, outputs: Outputs) -> Tensor:
        """Return F0 in Hz, (B, N), for every frame, voiced or not."""
        return decode_pitch(outputs.pitch, self.config.pitch)

    def energy(self, outputs: Outputs) -> Tensor:
        """Return the energy, (B, N): natural logarithm of the RMS."""
        return outputs.energy * _ENERGY_SCALE + _ENERGY_MIDDLE

    def losses(self, outputs: Outputs, targets: Tensor) -> dict[str, Tensor]:
        """Return the losses of pitch, energy and voicing; each is a mean over frames.

        Args:
            outputs: what the network said.
            targets: (B, N, 3): F0 in Hz with 0 where unvoiced, energy as ln of the RMS, and voicing 0 or 1.
        """
        energy = (targets[..., 1] - _ENERGY_MIDDLE) / _ENERGY_SCALE
        return {
            "pitch": pitch_loss(outputs.pitch, targets[..., 0], self.config.pitch),
            "energy": (outputs.energy - energy).square().mean(),
            "voicing": functional.binary_cross_entropy_with_logits(outputs.voicing, targets[..., 2]),
        }
