"""Configuration of the variant `harmonic` of the synthesis system: sizes of its networks, and its three stages.

The module does not import torch, so that the asset graph can read configurations without loading it.
"""

from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.training.config import FitConfig


@dataclass(frozen=True)
class HarmonicSizes:
    """Sizes of the networks of the variant `harmonic`.

    Attributes:
        instruments: rows of the instrument table; `velocities`: of the velocity table.
        instrument_dimension: columns of the instrument table; `velocity_dimension`: of the velocity table.
        centres: number of bumps that describe a pitch, spread evenly over MIDI pitches 20 to 110.
        hidden: number of units of every hidden layer.
        layers: number of hidden layers of the sequence generator; the encoder has as many.
        dimension: number of values in an embedding frame; its last two are tuning and inharmonicity.
        partials: largest number of partials of a note.
        envelope: number of points of the spectral envelope from which the levels of the partials are read.
        orders: number of partials, from the first on, whose levels are corrected one by one.
        noise: number of bands of the noise.
        dropout: probability of dropout in the sequence generator while training.
    """

    instruments: int = 1006
    instrument_dimension: int = 16
    velocities: int = 5
    velocity_dimension: int = 4
    centres: int = 13
    hidden: int = 256
    layers: int = 3
    dimension: int = 64
    partials: int = 128
    envelope: int = 48
    orders: int = 32
    noise: int = 32
    dropout: float = 0.0


@dataclass(frozen=True)
class HarmonicTraining:
    """Configuration of a stage that trains on recorded notes (stages 1 and 3).

    Attributes:
        sizes: sizes of the networks.
        fit: steps, batch size and optimiser.
        frames: number of frames of each note that a step trains on, drawn at random.
        pitch_shifts: semitones by which training notes may be shifted, large shifts less often.
        validation_notes: number of validation notes used for the figures during training.
    """

    sizes: HarmonicSizes
    fit: FitConfig
    frames: int
    pitch_shifts: tuple[int, ...]
    validation_notes: int = field(metadata=OBSERVES)


@dataclass(frozen=True)
class HarmonicSequenceTraining:
    """Configuration of stage 2, which trains on embedding frames.

    Attributes:
        sizes: sizes of the networks.
        fit: steps, batch size and optimiser.
        frames: number of frames of each note that a step trains on, drawn at random.
        validation_notes: number of validation notes used for the figures during training.
    """

    sizes: HarmonicSizes
    fit: FitConfig
    frames: int
    validation_notes: int = field(metadata=OBSERVES)


@dataclass(frozen=True)
class HarmonicConfig:
    """Complete configuration of the variant `harmonic`.

    Attributes:
        sizes: sizes of the networks.
        train_autoencoder: training of stage 1.
        train_sequence: training of stage 2.
        fine_tune: training of stage 3.
        frames: number of frames of each note that a step trains on, drawn at random.
        pitch_shifts: semitones by which training notes may be shifted in stages 1 and 3, large shifts less often.
        embedded_shifts: semitones by which the notes are shifted whose embeddings stage 2 learns.
    """

    sizes: HarmonicSizes = field(default_factory=HarmonicSizes)
    train_autoencoder: FitConfig = FitConfig(steps=40_000, batch_size=64, learning_rate=1e-3, warmup=200, decay=0.7)
    train_sequence: FitConfig = FitConfig(steps=20_000, batch_size=64, learning_rate=1e-3, warmup=200, decay=0.7)
    fine_tune: FitConfig = FitConfig(steps=100_000, batch_size=64, learning_rate=1e-3, warmup=200, decay=0.7)
    frames: int = 20
    pitch_shifts: tuple[int, ...] = (0,)
    embedded_shifts: tuple[int, ...] = (0,)

    def training(self, fit: FitConfig, validation_notes: int) -> HarmonicTraining:
        """Return the configuration of stage 1 or 3, given its steps and the number of validation notes."""
        return HarmonicTraining(self.sizes, fit, self.frames, self.pitch_shifts, validation_notes)

    def sequence_training(self, validation_notes: int) -> HarmonicSequenceTraining:
        """Return the configuration of stage 2, given the number of validation notes."""
        return HarmonicSequenceTraining(self.sizes, self.train_sequence, self.frames, validation_notes)
