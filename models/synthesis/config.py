"""Configurations of SING: the sizes of its networks, and all that decides each stage. Defaults are the paper's.

Free of torch: the asset graph reads configurations without loading it.
"""

from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.training.config import FitConfig


@dataclass(frozen=True)
class AutoencoderConfig:
    """The convolutional autoencoder.

    Attributes:
        channels: of every hidden layer.
        dimension: values of an embedding frame.
        kernel: samples a frame reads and writes.
        stride: samples between frames.
        context: embedding frames the decoder reads at once.
        rewrites: 1x1 layers in the encoder and in the decoder.
        fourier: start the outer kernels as sinusoids and the rest by He's rule, instead of
            PyTorch's defaults; not in the paper, learns faster on little data.
    """

    channels: int = 4096
    dimension: int = 128
    kernel: int = 1024
    stride: int = 256
    context: int = 9
    rewrites: int = 2
    fourier: bool = False

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

    @property
    def inputs(self) -> int:
        """Values the LSTM reads at each step."""
        return self.instrument_dimension + self.pitch_dimension + self.velocity_dimension + self.time_dimension


@dataclass(frozen=True)
class WavenetConfig:
    """The WaveNet autoencoder baseline (Engel et al. 2017, h512_bo16 scaled down).

    Attributes:
        encoder_width: channels of the encoder.
        width: channels of the decoder's residual path.
        skip: channels of its skip path.
        stacks: how often the dilations 1, 2, 4 … repeat.
        layers: layers of a stack.
        code: values of the encoding at each hop.
        hop: samples a code value covers.
        crop: samples of a training example.
    """

    encoder_width: int = 32
    width: int = 64
    skip: int = 64
    stacks: int = 2
    layers: int = 10
    code: int = 16
    hop: int = 512
    crop: int = 6144


@dataclass(frozen=True)
class Thresholds:
    """What a trained model must reach to be promoted, on the test pairs.

    Attributes:
        silence_ratio: its spectral loss over silence's, at most.
        nearest_required: whether it must beat the nearest-pitch copy.
        pitch_accuracy: share of pitched notes within 50 cents, at least.
    """

    silence_ratio: float = 0.6
    nearest_required: bool = True
    pitch_accuracy: float = 0.9


@dataclass(frozen=True)
class OnsetTraining:
    """How often stages 1 and 3 train on the beginning of a note only; not in the paper.

    Most of what a note loses is lost early (of the recorded notes at hand 93 % in the first half),
    and half a note costs half the time.

    Attributes:
        frames: embedding frames of a beginning; 0 trains on whole notes always.
        whole_every: every so many steps, whole notes.
    """

    frames: int = 0
    whole_every: int = 4

    def at(self, step: int, whole: int) -> int:
        """Return how many of `whole` embedding frames are trained on at `step`."""
        return self.frames if self.frames and (step + 1) % self.whole_every else whole


@dataclass(frozen=True)
class AutoencoderTraining:
    """All that decides stage 1: the network, its training, and how notes are shown to it.

    Attributes:
        autoencoder: sizes of the network.
        fit: its training.
        loss: "spectral" or "waveform".
        pitch_shifts: semitones by which training notes may be shifted.
        onsets: how often only the onset of a note is trained on.
        frames: embedding frames of a whole note.
        validation_notes: notes of the validation split looked at while training.
    """

    autoencoder: AutoencoderConfig
    fit: FitConfig
    loss: str
    pitch_shifts: tuple[int, ...]
    onsets: OnsetTraining
    frames: int
    validation_notes: int = field(metadata=OBSERVES)


@dataclass(frozen=True)
class SequenceTraining:
    """All that decides stage 2.

    Attributes:
        sequence: sizes of the sequence generator.
        fit: its training.
        truncation: embedding frames that one update is back-propagated through.
        validation_notes: notes of the validation split looked at while training.
    """

    sequence: SequenceConfig
    fit: FitConfig
    truncation: int
    validation_notes: int = field(metadata=OBSERVES)


@dataclass(frozen=True)
class FineTuning:
    """All that decides stage 3; the sizes of its networks are those of the stages before.

    Attributes:
        fit: its training.
        loss: "spectral" or "waveform".
        pitch_shifts: semitones by which training notes may be shifted.
        onsets: how often only the onset of a note is trained on.
        validation_notes: notes of the validation split looked at while training.
    """

    fit: FitConfig
    loss: str
    pitch_shifts: tuple[int, ...]
    onsets: OnsetTraining
    validation_notes: int = field(metadata=OBSERVES)


@dataclass(frozen=True)
class WavenetTraining:
    """All that decides the WaveNet baseline.

    Attributes:
        wavenet: sizes of the network.
        fit: its training.
        pitch_shifts: semitones by which training notes may be shifted.
        validation_notes: notes of the validation split looked at while training.
    """

    wavenet: WavenetConfig
    fit: FitConfig
    pitch_shifts: tuple[int, ...]
    validation_notes: int = field(metadata=OBSERVES)


@dataclass(frozen=True)
class EvaluationNotes:
    """Which notes are evaluated beside all test notes.

    Attributes:
        train: how many training notes.
        wavenet: how many of the test notes the WaveNet baseline rebuilds; its sampling is slow.
    """

    train: int
    wavenet: int = 0


@dataclass(frozen=True)
class SynthesisConfig:
    """The whole of SING: networks, data, the three stages, the baseline.

    Attributes:
        autoencoder: its sizes.
        sequence: its sizes.
        loss: "spectral" or "waveform", of stages 1 and 3.
        pitch_shifts: semitones training notes may be shifted by, far ones seldom; (0,) is the paper's.
        onsets: whether stages 1 and 3 look at the onsets of notes more often.
        train_autoencoder: stage 1.
        train_sequence: stage 2; a step is one batch, so 9 updates of truncated back-propagation.
        fine_tune: stage 3.
        truncation: embedding frames of one update of stage 2.
        validation_notes: notes of the validation split looked at while training.
        evaluated_train_notes: training notes judged beside all test notes.
        wavenet: the baseline's sizes.
        train_wavenet: the baseline's training.
        wavenet_notes: test notes the baseline reconstructs; its sampling is slow.
        thresholds: of the quality checks.
    """

    autoencoder: AutoencoderConfig = field(default_factory=AutoencoderConfig)
    sequence: SequenceConfig = field(default_factory=SequenceConfig)
    loss: str = "spectral"
    pitch_shifts: tuple[int, ...] = (0,)
    onsets: OnsetTraining = field(default_factory=OnsetTraining)
    train_autoencoder: FitConfig = FitConfig(steps=45_200, batch_size=256, precision="bfloat16", compile=True)
    train_sequence: FitConfig = FitConfig(steps=45_200, batch_size=256, precision="bfloat16")
    fine_tune: FitConfig = FitConfig(steps=18_080, batch_size=256, precision="bfloat16", compile=True)
    truncation: int = 32
    validation_notes: int = 256
    evaluated_train_notes: int = 10_000
    wavenet: WavenetConfig = field(default_factory=WavenetConfig)
    train_wavenet: FitConfig = FitConfig(steps=200_000, batch_size=32, learning_rate=2e-4, decay=0.5, ema=0.9999)
    wavenet_notes: int = 100
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def autoencoder_training(self) -> AutoencoderTraining:
        """Stage 1."""
        return AutoencoderTraining(
            self.autoencoder,
            self.train_autoencoder,
            self.loss,
            self.pitch_shifts,
            self.onsets,
            self.sequence.frames,
            self.validation_notes,
        )

    @property
    def sequence_training(self) -> SequenceTraining:
        """Stage 2."""
        return SequenceTraining(self.sequence, self.train_sequence, self.truncation, self.validation_notes)

    @property
    def fine_tuning(self) -> FineTuning:
        """Stage 3."""
        return FineTuning(self.fine_tune, self.loss, self.pitch_shifts, self.onsets, self.validation_notes)

    @property
    def wavenet_training(self) -> WavenetTraining:
        """The WaveNet baseline."""
        return WavenetTraining(self.wavenet, self.train_wavenet, self.pitch_shifts, self.validation_notes)
