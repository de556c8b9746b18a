"""SING's sequence generator (paper section 3.3): an LSTM from note labels to embedding frames.

At each step the network concatenates learnt table rows of instrument, pitch, velocity and time (the absolute frame
number, one table for all notes), runs a unidirectional LSTM, and projects the result to an embedding frame of the
autoencoder. It is not autoregressive: its output is not fed back.

Shapes: B batch, N frames, D embedding dimensions, H hidden units, I label dimensions.
"""

import torch
from torch import Tensor, nn

from models.synthesis.config import SequenceConfig

State = tuple[Tensor, Tensor]


class SequenceGenerator(nn.Module):
    """LSTM that generates the embedding (B, D, N) of notes from instrument, pitch and velocity.

    Example:
        >>> network = SequenceGenerator(SequenceConfig())
        >>> rows = network.labels(torch.tensor([3]), torch.tensor([60]), torch.tensor([4]))
        >>> network(rows)[0].shape
        torch.Size([1, 128, 265])
    """

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.instrument = nn.Embedding(config.instruments, config.instrument_dimension)
        self.pitch = nn.Embedding(config.pitches, config.pitch_dimension)
        self.velocity = nn.Embedding(config.velocities, config.velocity_dimension)
        self.time = nn.Embedding(config.frames, config.time_dimension) if config.time_dimension else None
        self.lstm = nn.LSTM(config.inputs, config.hidden, config.layers)
        self.output = nn.Linear(config.hidden, config.dimension)
        self.frames = config.frames

    def labels(self, instrument: Tensor, pitch: Tensor, velocity: Tensor) -> Tensor:
        """Return the table rows of labels, which are the same at every step.

        Args:
            instrument: instrument number, integer, shape (B,).
            pitch: MIDI pitch, integer, shape (B,).
            velocity: row of the velocity table, integer, shape (B,).

        Returns:
            The concatenated rows, (B, I).
        """
        return torch.cat([self.instrument(instrument), self.pitch(pitch), self.velocity(velocity)], -1)

    def forward(
        self, labels: Tensor, start: int = 0, length: int | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Generate `length` frames from frame `start` on.

        Args:
            labels: table rows of the labels, (B, I), from the method `labels`; they may be interpolated.
            start: absolute number of the first frame.
            length: number of frames to generate; by default up to the end of the note.
            state: state of the LSTM after frame start - 1, two tensors (layers, B, H); zero by default.

        Returns:
            The embedding (B, D, length), and the state of the LSTM after the last frame.
        """
        length = self.frames - start if length is None else length
        inputs = labels.expand(length, *labels.shape)  # (N, B, I)
        if self.time is not None:
            steps = torch.arange(start, start + length, device=labels.device)
            time = self.time(steps)[:, None].expand(-1, len(labels), -1)  # (N, B, time dimension)
            inputs = torch.cat([inputs, time], -1)
        hidden, after = self.lstm(inputs, state)  # (N, B, H)
        return self.output(hidden).permute(1, 2, 0), after  # (B, D, N)
