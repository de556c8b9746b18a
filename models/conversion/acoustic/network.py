"""The acoustic network: content and melody of a recording, and a singer, to the mel spectrogram of this singer.

    content ── content encoder ── ×4 ───────────────┐
    melody ── melody encoder ── CIN (of the singer) ┼── sum ── decoder ── envelope ──┐
    singer ── table ────────────────────────────────┤                  └─ depth ── × ┼── mel spectrogram
    pitch, voicing, energy ─────────────────────────┘        pitch ── template ────┘

The conditional instance normalisation (CIN) removes the key of the melody. The pitch that is given beside it decides
the key; where it is missing, the model chooses one.

Shapes: B batch, M content frames at 25 Hz, N = 4·M melody frames at 100 Hz, D features.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.conversion.acoustic.config import MELODIES, AcousticConfig
from models.conversion.acoustic.inputs import Inputs
from models.conversion.acoustic.normalisation import ConditionalNorm, Moments
from models.conversion.acoustic.template import LOW, Template
from models.conversion.blocks import BlockConfig, BoundedBlocks
from models.conversion.frames import CONTENT
from models.conversion.mel import BANDS

_CODES = 32  # values that encode the pitch
_QUIET = -6.0  # where the envelope starts in training: natural logarithm of a usual magnitude


@dataclass(frozen=True)
class Outputs:
    """Outputs of the acoustic network.

    Attributes:
        mel: mel spectrogram, (B, N, 80).
        embedding: melody embedding after its normalisation, (B, N, D).
    """

    mel: Tensor
    embedding: Tensor


def _blocks(config: AcousticConfig, count: int, reach: int) -> BoundedBlocks:
    """Return a stack of `count` FFT blocks."""
    sizes = (config.features, config.heads, config.filters, config.width, config.dropout, reach)
    return BoundedBlocks(BlockConfig(count, *sizes))


class PitchCode(nn.Module):
    """Encodes pitch, voicing and energy: (B, N) each to (B, N, D)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.template = Template()
        self.project = nn.Linear(BANDS + _CODES + 3, features)

    def forward(self, f0: Tensor, energy: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """Return the codes (B, N, D), and the templates (B, N, 80); the pitch is hidden where `known` (B,) is 0.

        Voicing is told in any case.
        """
        voiced = (f0 > 0).to(energy.dtype)
        given = voiced * known[:, None]
        octaves = torch.log2(f0.clamp(min=LOW) / LOW)
        rates = 2 * math.pi * 2.0 ** torch.linspace(-3, 3, _CODES // 2, device=f0.device)
        angles = octaves[..., None] * rates
        codes = torch.cat([angles.sin(), angles.cos()], 2) * given[..., None]
        template = self.template(f0 * known[:, None])
        rest = torch.stack([voiced, energy, known[:, None].expand_as(energy)], 2)
        return self.project(torch.cat([template, codes, rest], 2)), template


class AcousticNetwork(nn.Module):
    """The acoustic network for a number of singers.

    Attributes:
        margin: number of melody frames on either side that a frame of the output depends on, moments apart.

    Example:
        >>> network = AcousticNetwork(AcousticConfig(), singers=3)
        >>> network(inputs, torch.tensor([0])).mel.shape  # (1, N, 80)
    """

    def __init__(self, config: AcousticConfig, singers: int) -> None:
        """Build the network.

        Raises:
            ValueError: `config.melody` is not one of `MELODIES`.
        """
        super().__init__()
        if config.melody not in MELODIES:
            raise ValueError(f"melody {config.melody!r}: there are {', '.join(MELODIES)}")
        size, self.config = config.features, config
        self.content_in = nn.Linear(config.content, size)
        self.content_encoder = _blocks(config, config.content_blocks, -(-config.reach // CONTENT))
        self.content_out = nn.Linear(size, CONTENT * size)
        self.melody_in = PitchCode(size) if config.melody == "pitch" else nn.Linear(config.extracted, size)
        self.melody_encoder = _blocks(config, config.melody_blocks, config.reach)
        self.norm = ConditionalNorm(singers, size)
        self.pitch = PitchCode(size)
        self.singer = nn.Embedding(singers, size)
        self.decoder = _blocks(config, config.decoder_blocks, config.reach)
        self.mel = nn.Linear(size, 2 * BANDS)
        nn.init.normal_(self.singer.weight, std=0.3)
        nn.init.constant_(self.mel.bias[:BANDS], _QUIET)
        self.margin = self.decoder.reach + max(self.melody_encoder.reach, CONTENT * self.content_encoder.reach)

    def hide(self, inputs: Inputs) -> Tensor:
        """Return the melody embeddings before their normalisation, (B, N, D)."""
        if isinstance(self.melody_in, PitchCode):
            frames = self.melody_in(inputs.f0, inputs.energy, torch.ones_like(inputs.known))[0]
        else:
            frames = self.melody_in(inputs.extracted)
        return self.melody_encoder(frames)

    def sing(self, inputs: Inputs, embedding: Tensor, singer: Tensor) -> Tensor:
        """Return the mel spectrograms (B, N, 80) of singers (B,), given the melody embeddings (B, N, D)."""
        content = self.content_encoder(self.content_in(inputs.content))
        batch, count, size = content.shape
        frames = embedding + self.content_out(content).view(batch, CONTENT * count, size)
        known = inputs.known if self.config.key else torch.zeros_like(inputs.known)
        code, template = self.pitch(inputs.f0, inputs.energy, known)
        envelope, depth = self.mel(self.decoder(frames + code + self.singer(singer)[:, None])).chunk(2, 2)
        return envelope + (1 + depth) * template

    def forward(self, inputs: Inputs, singer: Tensor) -> Outputs:
        """Return the mel spectrograms of singers (B,), and the melody embeddings."""
        hidden = self.hide(inputs)
        embedding = self.norm(hidden, Moments.of(hidden, inputs.inside), singer)
        return Outputs(self.sing(inputs, embedding, singer), embedding)
