"""SING (paper section 3): the sequence generator followed by the decoder.

Shapes: B batch, T samples.
"""

from torch import Tensor, nn

from models.synthesis.autoencoder import Decoder
from models.synthesis.config import AutoencoderConfig, SequenceConfig
from models.synthesis.sequence import SequenceGenerator


class Sing(nn.Module):
    """(instrument, pitch, velocity) -> waveform (B, T) with `crop` samples of margin at each end."""

    def __init__(self, autoencoder: AutoencoderConfig, sequence: SequenceConfig) -> None:
        super().__init__()
        self.sequence = SequenceGenerator(sequence)
        self.decoder = Decoder(autoencoder)

    def forward(self, instrument: Tensor, pitch: Tensor, velocity: Tensor, frames: int | None = None) -> Tensor:
        """Return the waveforms of integer labels (B,) each: (B, T), T = 65,024 for a 4 s note.

        With `frames`, only the beginning that this many embedding frames decode to.
        """
        embedding, _ = self.sequence(self.sequence.labels(instrument, pitch, velocity), length=frames)
        return self.decoder(embedding)
