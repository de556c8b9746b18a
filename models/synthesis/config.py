"""Configurations of SING and its named presets. Defaults are the paper's.

Free of torch: the asset graph reads presets without loading it.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AutoencoderConfig:
    """The convolutional autoencoder: sizes in samples, channels and layers."""

    channels: int = 4096
    dimension: int = 128
    kernel: int = 1024
    stride: int = 256
    context: int = 9
    rewrites: int = 2

    @property
    def strip(self) -> int:
        """Samples lost at each end between the encoder's input and the decoder's output."""
        return self.kernel - self.stride + (self.context - 1) * self.stride // 2

    def wave_length(self, frames: int) -> int:
        """Return the number of samples decoded from `frames` embedding frames."""
        return (frames - self.context + 2) * self.stride - self.kernel

    def frames(self, wave_length: int) -> int:
        """Return the number of embedding frames that decode to `wave_length` samples."""
        return self.context - 2 + (wave_length + self.kernel) // self.stride


@dataclass(frozen=True)
class SequenceConfig:
    """The sequence generator: rows and dimensions of its tables, and its LSTM."""

    instruments: int = 1006
    instrument_dimension: int = 16
    pitches: int = 121
    pitch_dimension: int = 8
    velocities: int = 5
    velocity_dimension: int = 2
    frames: int = 265
    time_dimension: int = 4
    hidden: int = 1024
    layers: int = 3
    dimension: int = 128


@dataclass(frozen=True)
class SynthesisConfig:
    """The whole of SING."""

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    sequence: SequenceConfig = field(default_factory=SequenceConfig)
