"""Configurations of SING: sizes of the networks, training of each stage, evaluation.

The defaults of SING are the paper's. The module does not import torch, so that the asset graph can read configurations.
"""

from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.synthesis.harmonic.config import HarmonicConfig, HarmonicSequenceTraining, HarmonicTraining
from models.synthesis.wavenet_config import WavenetConfig, WavenetTraining
from models.training.config import FitConfig


@dataclass(frozen=True)
class AutoencoderConfig:
    """Sizes of the convolutional autoencoder.

    Attributes:
        channels: number of channels of every hidden layer.
        dimension: number of values in an embedding frame.
        kernel: length of the outer kernels in samples.
        stride: samples between frames.
        context: number of embedding frames that the first layer of the decoder reads at once.
        rewrites: number of hidden 1x1 layers in the encoder, and as many in the decoder.
        fourier: initialise the outer kernels as sinusoids and all other layers by He's rule, instead of
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
        """Number of samples by which the decoder's output is shorter than the encoder's input, at each end."""
        return self.kernel - self.stride + (self.context - 1) * self.stride // 2

    def wave_length(self, frames: int) -> int:
        """Return the number of samples decoded from `frames` embedding frames."""
        return (frames - self.context + 2) * self.stride - self.kernel

    def frames(self, wave_length: int) -> int:
        """Return the number of embedding frames that decode to `wave_length` samples."""
        return self.context - 2 + (wave_length + self.kernel) // self.stride


@dataclass(frozen=True)
class SequenceConfig:
    """Sizes of the sequence generator.

    Attributes:
        instruments: rows of the instrument table; `pitches`, `velocities` and `frames` (time): of the other tables.
        instrument_dimension: columns of the instrument table; `pitch_dimension`, `velocity_dimension` and
            `time_dimension`: of the other tables. A `time_dimension` of 0 means no time table.
        hidden: hidden units of each LSTM layer.
        layers: number of LSTM layers.
        dimension: number of values in an embedding frame, the same as in `AutoencoderConfig`.
        pitch_bumps: number of smooth features of the pitch beside its table row (`models.synthesis.pitch`); 0 in the
            paper.
    """

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
    pitch_bumps: int = 0

    @property
    def inputs(self) -> int:
        """Number of values that the LSTM reads at each step."""
        tables = self.instrument_dimension + self.pitch_dimension + self.velocity_dimension + self.time_dimension
        return tables + (self.pitch_bumps + 1 if self.pitch_bumps else 0)


@dataclass(frozen=True)
class Thresholds:
    """What a trained model must reach on the test notes to be promoted.

    Attributes:
        silence_ratio: largest allowed ratio of its spectral loss to that of silence.
        nearest_required: whether its spectral loss must be below that of the nearest-pitch copy.
        pitch_accuracy: smallest allowed share of pitched notes within 50 cents of their label.
    """

    silence_ratio: float = 0.6
    nearest_required: bool = True
    pitch_accuracy: float = 0.9


@dataclass(frozen=True)
class OnsetTraining:
    """How often stages 1 and 3 train on the onset (beginning) of notes only; not in the paper.

    Most of the loss of a note lies in its beginning (93 % in the first half, measured on recorded notes), and half a
    note takes half the time.

    Attributes:
        frames: length of an onset in embedding frames; 0 means that every step trains on whole notes.
        whole_every: one step in this many trains on whole notes.
    """

    frames: int = 0
    whole_every: int = 4

    def at(self, step: int, whole: int) -> int:
        """Return the number of embedding frames that `step` trains on; `whole` is that of a whole note."""
        return self.frames if self.frames and (step + 1) % self.whole_every else whole


@dataclass(frozen=True)
class AutoencoderTraining:
    """Configuration of stage 1, the training of the autoencoder.

    Attributes:
        autoencoder: sizes of the network.
        fit: steps, batch size and optimiser.
        loss: "spectral" or "waveform".
        pitch_shifts: semitones by which training notes may be shifted.
        onsets: how often only the onsets of notes are used.
        frames: number of embedding frames of a whole note.
        validation_notes: number of validation notes used for the figures during training.
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
    """Configuration of stage 2, the training of the sequence generator.

    Attributes:
        sequence: sizes of the sequence generator.
        fit: steps, batch size and optimiser.
        truncation: number of embedding frames per update, through which gradients are back-propagated.
        validation_notes: number of validation notes used for the figures during training.
        keep_time: whether the time of shifted notes is counted as in their recordings.
    """

    sequence: SequenceConfig
    fit: FitConfig
    truncation: int
    validation_notes: int = field(metadata=OBSERVES)
    keep_time: bool = False


@dataclass(frozen=True)
class FineTuning:
    """Configuration of stage 3, the fine-tuning; the sizes of its networks are those of the stages before.

    Attributes:
        fit: steps, batch size and optimiser.
        loss: "spectral" or "waveform".
        pitch_shifts: semitones by which training notes may be shifted.
        onsets: how often only the onsets of notes are used.
        validation_notes: number of validation notes used for the figures during training.
        keep_time: whether the time of shifted notes is counted as in their recordings.
    """

    fit: FitConfig
    loss: str
    pitch_shifts: tuple[int, ...]
    onsets: OnsetTraining
    validation_notes: int = field(metadata=OBSERVES)
    keep_time: bool = False


@dataclass(frozen=True)
class EvaluationNotes:
    """Numbers of evaluated notes, and the effort of a baseline. All held-out notes are evaluated in any case.

    Attributes:
        train: number of training notes evaluated in addition.
        wavenet: number of test notes that the WaveNet baseline reconstructs; its sampling is slow.
        griffin_lim: number of iterations of the Griffin-Lim oracle.
    """

    train: int
    wavenet: int = 0
    griffin_lim: int = 100


@dataclass(frozen=True)
class SynthesisConfig:
    """Complete configuration of SING: networks, three training stages, baseline, evaluation.

    Attributes:
        autoencoder: sizes of the autoencoder.
        sequence: sizes of the sequence generator.
        loss: "spectral" or "waveform", for stages 1 and 3.
        pitch_shifts: semitones by which training notes may be shifted, large shifts less often; (0,) in the paper.
        onsets: how often stages 1 and 3 train on the onsets of notes only.
        train_autoencoder: training of stage 1.
        train_sequence: training of stage 2; a step is one batch, with 9 updates of truncated back-propagation.
        fine_tune: training of stage 3.
        truncation: number of embedding frames per update of stage 2.
        validation_notes: number of validation notes used for the figures during training.
        evaluated: which notes are evaluated.
        wavenet: sizes of the WaveNet baseline.
        train_wavenet: training of the WaveNet baseline; with 0 steps there is none.
        thresholds: what a trained model must reach to be promoted.
        harmonic: networks and trainings of the variant `harmonic`.
        decoder: which networks the three stages train: "convolutional" are SING's, "harmonic" those of that variant.
        keep_time: whether the time of shifted notes is counted as in their recordings: a note that is played faster
            passes through its attack, its decay and its end sooner, and the time table is read as much faster.
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
    evaluated: EvaluationNotes = EvaluationNotes(train=10_000, wavenet=100)
    wavenet: WavenetConfig = field(default_factory=WavenetConfig)
    train_wavenet: FitConfig = FitConfig(steps=200_000, batch_size=32, learning_rate=2e-4, decay=0.5, ema=0.9999)
    thresholds: Thresholds = field(default_factory=Thresholds)
    harmonic: HarmonicConfig = field(default_factory=HarmonicConfig)
    decoder: str = "convolutional"
    keep_time: bool = False

    @property
    def autoencoder_training(self) -> AutoencoderTraining:
        """The part of the configuration that stage 1 of SING uses."""
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
    def first_stage(self) -> AutoencoderTraining | HarmonicTraining:
        """The part of the configuration that stage 1 uses: of SING, or of the variant `harmonic`."""
        own = self.harmonic.training(self.harmonic.train_autoencoder, self.validation_notes)
        return own if self.decoder == "harmonic" else self.autoencoder_training

    @property
    def second_stage(self) -> SequenceTraining | HarmonicSequenceTraining:
        """The part of the configuration that stage 2 uses: of SING, or of the variant `harmonic`."""
        own = self.harmonic.sequence_training(self.validation_notes)
        return own if self.decoder == "harmonic" else self.sequence_training

    @property
    def third_stage(self) -> FineTuning | HarmonicTraining:
        """The part of the configuration that stage 3 uses: of SING, or of the variant `harmonic`."""
        own = self.harmonic.training(self.harmonic.fine_tune, self.validation_notes)
        return own if self.decoder == "harmonic" else self.fine_tuning

    @property
    def embedded_shifts(self) -> tuple[int, ...]:
        """Semitones by which the notes are shifted whose embeddings stage 2 learns."""
        return self.harmonic.embedded_shifts if self.decoder == "harmonic" else self.pitch_shifts

    @property
    def sequence_training(self) -> SequenceTraining:
        """The part of the configuration that stage 2 of SING uses."""
        return SequenceTraining(
            self.sequence, self.train_sequence, self.truncation, self.validation_notes, self.keep_time
        )

    @property
    def fine_tuning(self) -> FineTuning:
        """The part of the configuration that stage 3 of SING uses."""
        return FineTuning(
            self.fine_tune, self.loss, self.pitch_shifts, self.onsets, self.validation_notes, self.keep_time
        )

    @property
    def has_wavenet(self) -> bool:
        """Whether the WaveNet baseline is trained and evaluated."""
        return self.train_wavenet.steps > 0

    @property
    def wavenet_training(self) -> WavenetTraining:
        """The part of the configuration that the training of the WaveNet baseline uses."""
        return WavenetTraining(self.wavenet, self.train_wavenet, self.pitch_shifts, self.validation_notes)
