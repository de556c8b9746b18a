"""The complete SING network (paper section 3): sequence generator followed by decoder.

Shapes: B batch, T samples.
"""

from torch import Tensor, nn

from models.synthesis.autoencoder import Decoder
from models.synthesis.config import AutoencoderConfig, SequenceConfig
from models.synthesis.sequence import SequenceGenerator


class Sing(nn.Module):
    """Network that generates waveforms (B, T) of notes from instrument, pitch and velocity.

    The waveform has `models.synthesis.notes.MARGIN` (512) samples before and after the note.

    Args:
        autoencoder: sizes of the decoder.
        sequence: sizes of the sequence generator, with the same `dimension`.

    Example:
        >>> network = Sing(PRESETS["small"].autoencoder, PRESETS["small"].sequence)
        >>> network(torch.tensor([3]), torch.tensor([60]), torch.tensor([4])).shape
        torch.Size([1, 65024])
    """

    def __init__(self, autoencoder: AutoencoderConfig, sequence: SequenceConfig) -> None:
        super().__init__()
        self.sequence = SequenceGenerator(sequence)
        self.decoder = Decoder(autoencoder)

    def forward(
        self,
        instrument: Tensor,
        pitch: Tensor,
        velocity: Tensor,
        frames: int | None = None,
        time: Tensor | None = None,
    ) -> Tensor:
        """Generate the waveforms of notes.

        Args:
            instrument: instrument number, integer, shape (B,).
            pitch: MIDI pitch, integer, shape (B,).
            velocity: row of the velocity table, integer, shape (B,).
            frames: number of embedding frames to generate; all frames of a note by default.
            time: number of each frame as the time table counts, (frames, B); 0, 1, and so on by default.

        Returns:
            Waveforms (B, T), at 16 kHz; T = 65,024 for a whole note of 4 s.
        """
        embedding, _ = self.sequence(self.sequence.labels(instrument, pitch, velocity), length=frames, time=time)
        return self.decoder(embedding)
