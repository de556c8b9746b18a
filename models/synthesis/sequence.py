"""SING's sequence generator (paper section 3.3): labels of a note to its embedding, frame by frame.

Each step reads the concatenation instrument, pitch, velocity, time of learnt table rows
(time is the absolute frame number, shared by all notes), runs a unidirectional LSTM that
never sees its own output, and projects to the autoencoder's embedding.

Shapes: B batch, N frames, D embedding dimensions, H hidden units.
"""

import torch
from torch import Tensor, nn

from models.synthesis.config import SequenceConfig

State = tuple[Tensor, Tensor]


class SequenceGenerator(nn.Module):
    """(instrument, pitch, velocity) -> embedding (B, D, N)."""

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
        """Return the static part of the input, (B, I), of integer labels (B,) each."""
        return torch.cat([self.instrument(instrument), self.pitch(pitch), self.velocity(velocity)], -1)

    def forward(
        self, labels: Tensor, start: int = 0, length: int | None = None, state: State | None = None
    ) -> tuple[Tensor, State]:
        """Return `length` frames from frame `start` on, and the LSTM's state after them.

        Args:
            labels: (B, I), from `labels`; rows may be mixed to interpolate between instruments.
            start: absolute number of the first frame.
            length: frames to generate; all the rest of the note by default.
            state: the LSTM's state after frame start - 1, zero by default.

        Returns:
            The embedding (B, D, length) and the state.
        """
        length = self.frames - start if length is None else length
        inputs = labels.expand(length, *labels.shape)  # (N, B, I)
        if self.time is not None:
            steps = torch.arange(start, start + length, device=labels.device)
            time = self.time(steps)[:, None].expand(-1, len(labels), -1)  # (N, B, time dimension)
            inputs = torch.cat([inputs, time], -1)
        hidden, after = self.lstm(inputs, state)  # (N, B, H)
        return self.output(hidden).permute(1, 2, 0), after  # (B, D, N)
