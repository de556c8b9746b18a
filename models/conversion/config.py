"""Configuration of the conversion system: its stages, composed of the configurations of their rooms.

Does not import torch, so that the asset graph reads configurations quickly. Choices that arXiv 2502.04722 leaves open
are listed in this folder's README.
"""

from dataclasses import dataclass, field, replace

from data.voices.config import Mixing, MixtureConfig
from models.conversion.acoustic.config import AcousticConfig, AcousticTraining, FeatureSet
from models.conversion.content.config import PublishedContent, RecogniserConfig, RecogniserTraining
from models.conversion.melody.config import EncoderConfig, EncoderTraining, ExtractorConfig, MelodyTraining
from models.conversion.vocoder.config import VocoderTraining
from models.training.config import FitConfig


@dataclass(frozen=True)
class Thresholds:
    """Scores that the trained system must reach on the test clips; `eval.conversion.acceptance.Bounds` explains them.

    Attributes:
        rpa_0db: raw pitch accuracy of the melody extractor at 0 dB.
        oa_0db: its overall accuracy at 0 dB.
        rpa_5db: its raw pitch accuracy at 5 dB.
        rpa_clean: its raw pitch accuracy on clean voices.
        f0_corr: F0CORR of the converted clean voice.
        voicing_recall: share of the voiced frames of the source that the converted clean voice keeps voiced.
        keyfree_cents: largest key-free F0RMSE of the converted clean voice, in cents.
        growth: largest ratio of the key-free F0RMSE at 0 dB to that on clean voices.
        nearer: share of the converted clips that are nearer to the target singer than to the source.
        within_50_cents: share of voiced frames that copy synthesis keeps within 50 cents.
    """

    rpa_0db: float = 0.82
    oa_0db: float = 0.75
    rpa_5db: float = 0.92
    rpa_clean: float = 0.93
    f0_corr: float = 0.9
    voicing_recall: float = 0.9
    keyfree_cents: float = 70.0
    growth: float = 1.25
    nearer: float = 0.9
    within_50_cents: float = 0.95


@dataclass(frozen=True)
class LengthStudy:
    """What the study of the length of fine-tuning compares.

    Attributes:
        steps: numbers of steps; the study trains for the last one.
        train: seconds of training voices that the probe of the content task is fitted on, at most.
        valid: seconds of validation voices that it is tried on, at most.
    """

    steps: tuple[int, ...] = (1_000, 2_000, 5_000, 10_000, 20_000)
    train: float = 900.0
    valid: float = 300.0


@dataclass(frozen=True)
class TargetStudy:
    """What the study of several target singers converts.

    Attributes:
        singers: number of target singers: the target singer, and those of the training with most singing.
        clips: number of test clips, spread evenly.
        conditions: conditions of their mixtures.
    """

    singers: int = 8
    clips: int = 16
    conditions: tuple[str, ...] = ("clean", "snr0")


@dataclass(frozen=True)
class ConversionConfig:
    """Configuration of the whole conversion system. The default values are those of the preset `paper`.

    Example:
        >>> ConversionConfig(key="octave").key
        'octave'

    Attributes:
        tracker: pitch tracker of the training targets (`data.pitch.trackers`).
        mixtures: the evaluation mixtures.
        published: name of the published encoder that hears for melody and content; "" for networks trained here.
        encoder: training of the project's own encoder.
        melody: training of the melody extractor.
        recogniser: training of the project's own content network.
        content: what is taken of a published encoder as content.
        material: training material of the acoustic model.
        acoustic: training of the acoustic model.
        vocoder: training of the vocoder.
        key: policy of the key in the evaluation.
        baseline_tracker: tracker of the baseline "Original pitch & energy".
        crepe: tracker of the CREPE baselines.
        trackers: packaged trackers that the melody extractor is compared with.
        lengths: what the study of the length of fine-tuning compares.
        several: what the study of several target singers converts.
        thresholds: scores that the quality checks require.
    """

    tracker: str = "agreed"
    mixtures: MixtureConfig = field(default_factory=MixtureConfig)
    published: str = "wavlm-base"
    encoder: EncoderTraining = field(
        default_factory=lambda: EncoderTraining(
            EncoderConfig(), FitConfig(steps=100_000, batch_size=32, precision="bfloat16"), Mixing()
        )
    )
    melody: MelodyTraining = field(
        default_factory=lambda: MelodyTraining(
            ExtractorConfig(),
            FitConfig(steps=5_000, batch_size=16, learning_rate=3e-4, warmup=500, precision="bfloat16"),
            Mixing(),
        )
    )
    recogniser: RecogniserTraining = field(
        default_factory=lambda: RecogniserTraining(
            RecogniserConfig(), FitConfig(steps=100_000, batch_size=32, precision="bfloat16"), Mixing()
        )
    )
    content: PublishedContent = field(default_factory=PublishedContent)
    material: FeatureSet = field(default_factory=FeatureSet)
    acoustic: AcousticTraining = field(
        default_factory=lambda: AcousticTraining(
            AcousticConfig(),
            FitConfig(steps=200_000, batch_size=16, learning_rate=2e-4, warmup=4000, precision="bfloat16"),
        )
    )
    vocoder: VocoderTraining = field(default_factory=VocoderTraining)
    key: str = "keep"
    baseline_tracker: str = "median"
    crepe: str = "crepe-full"
    trackers: tuple[str, ...] = ("swift-f0", "pesto", "crepe-full")
    lengths: LengthStudy = field(default_factory=LengthStudy)
    several: TargetStudy = field(default_factory=TargetStudy)
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def pitched(self) -> AcousticTraining:
        """Training of the acoustic model of the baselines, which reads pitch and energy instead of melody features."""
        return replace(self.acoustic, acoustic=replace(self.acoustic.acoustic, melody="pitch"))
