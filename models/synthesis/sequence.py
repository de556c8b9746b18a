"""SING's sequence generator (paper section 3.3): an LSTM from note labels to embedding frames.

At each step the network concatenates learnt table rows of instrument, pitch, velocity and time (the absolute frame
number, one table for all notes), runs a unidirectional LSTM, and projects the result to an embedding frame of the
autoencoder. It is not autoregressive: its output is not fed back.

Beyond the paper, the labels may be accompanied by smooth features of the pitch (`SequenceConfig.pitch_bumps`), so that
pitches that were trained on say something of those between them, and the time may be given note by note, for notes that
are played faster or slower than they were recorded.

Shapes: B batch, N frames, D embedding dimensions, H hidden units, I label dimensions.
"""

import torch
from torch import Tensor, nn

from models.synthesis.config import SequenceConfig
from models.synthesis.pitch import pitch_features

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
        self.pitch_bumps = config.pitch_bumps
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
            The concatenated rows, and the features of the pitch if there are any, (B, I).
        """
        rows = [self.instrument(instrument), self.pitch(pitch), self.velocity(velocity)]
        if self.pitch_bumps:
            rows.append(pitch_features(pitch.float(), self.pitch_bumps))
        return torch.cat(rows, -1)

    def forward(
        self,
        labels: Tensor,
        start: int = 0,
        length: int | None = None,
        state: State | None = None,
        time: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Generate `length` frames from frame `start` on.

        Args:
            labels: table rows of the labels, (B, I), from the method `labels`; they may be interpolated.
            start: absolute number of the first frame.
            length: number of frames to generate; by default up to the end of the note.
            state: state of the LSTM after frame start - 1, two tensors (layers, B, H); zero by default.
            time: number of each frame of each note as the time table counts, (length, B); between two numbers the rows
                are interpolated, beyond the first and the last they are those. By default start, start + 1, and so on.

        Returns:
            The embedding (B, D, length), and the state of the LSTM after the last frame.
        """
        length = self.frames - start if length is None else length
        inputs = labels.expand(length, *labels.shape)  # (N, B, I)
        if self.time is not None:
            steps = torch.arange(start, start + length, device=labels.device)
            known = self.time(steps)[:, None].expand(-1, len(labels), -1) if time is None else self._interpolated(time)
            inputs = torch.cat([inputs, known], -1)  # (N, B, I + time dimension)
        hidden, after = self.lstm(inputs, state)  # (N, B, H)
        return self.output(hidden).permute(1, 2, 0), after  # (B, D, N)

    def _interpolated(self, time: Tensor) -> Tensor:
        """Return the rows of the time table at fractional frame numbers (N, B): (N, B, time dimension)."""
        assert self.time is not None
        time = time.clamp(0, self.frames - 1)
        before = time.floor().long().clamp_max(self.frames - 2)
        return torch.lerp(self.time(before), self.time(before + 1), (time - before)[..., None])
