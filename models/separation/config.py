"""Configuration of the separation system: the settings of every stage.

Does not import torch, so that the asset graph reads configurations quickly. Choices that arXiv 2511.20470 leaves
open are set here and listed in this folder's README.
"""

from dataclasses import dataclass, field, replace

from data.configuration import OBSERVES
from models.separation.sizes import CodecConfig, DenoiserConfig, MaskNetworkConfig
from models.training.config import FitConfig


@dataclass(frozen=True)
class Audio:
    """Format that the songs are converted to: sample rate in Hz, and 1 or 2 channels."""

    sample_rate: int
    channels: int


@dataclass(frozen=True)
class Thresholds:
    """Scores that trained systems must reach on the test songs.

    Attributes:
        mask_usdr: lowest accepted median uSDR of the discriminative network, in dB.
        below_ceiling: largest accepted gap in SI-SDR between the codec's ceiling and latent diffusion, in dB.
    """

    mask_usdr: float = 3.6
    below_ceiling: float = 6.0


@dataclass(frozen=True)
class Augmentation:
    """How training examples are made from songs.

    Attributes:
        remix: fraction of the examples, in [0, 1], whose accompaniment comes from another song.
        shift: largest pitch shift of an example, up or down, in semitones.
    """

    remix: float
    shift: float


@dataclass(frozen=True)
class CodecTraining:
    """Settings of the training of the project's own codec.

    Attributes:
        codec: sizes of the network.
        fit: settings of the training loop.
        segment: length of a training example in samples.
        augmentation: how training examples are made.
        validation_seconds: seconds evaluated of each validation song, from its beginning.
    """

    codec: CodecConfig
    fit: FitConfig
    segment: int
    augmentation: Augmentation
    validation_seconds: float = field(metadata=OBSERVES)


@dataclass(frozen=True)
class DenoiserTraining:
    """Settings of the training of the denoiser. The result also depends on the songs and the codec.

    Attributes:
        denoiser: sizes of the network.
        fit: settings of the training loop.
        frames: length of a training example in latent frames.
        augmentation: how training examples are made.
        pretraining: number of steps, the first ones, on songs made here.
        pure_noise: fraction of the examples whose noise level is 1, where every sampling begins and that of one step
            ends; the others have noise levels drawn uniformly from [0, 1).
    """

    denoiser: DenoiserConfig
    fit: FitConfig
    frames: int
    augmentation: Augmentation
    pretraining: int
    pure_noise: float


@dataclass(frozen=True)
class MaskTraining:
    """Settings of the training of the discriminative network.

    Attributes:
        mask_network: sizes of the network.
        fit: settings of the training loop.
        segment: length of a training example in samples.
        augmentation: how training examples are made.
        pretraining: number of steps, the first ones, on songs made here.
        validation_seconds: seconds evaluated of each validation song, from its beginning.
    """

    mask_network: MaskNetworkConfig
    fit: FitConfig
    segment: int
    augmentation: Augmentation
    pretraining: int
    validation_seconds: float = field(metadata=OBSERVES)


@dataclass(frozen=True)
class Sampling:
    """Settings of the separation by latent diffusion.

    Attributes:
        steps: number of DDIM steps.
        frames: length of a chunk in latent frames, a multiple of `DenoiserConfig.multiple`.
        overlap: fraction of a chunk that is cross-faded with the next one, at most 0.5.
        eta: η of DDIM, the amount of fresh noise at every step: 0 (deterministic) to 1.
        seed: seed of the noise.
        draws: number of times that the vocals are sampled, each from other noise; their mean is the estimate. It has
            less error, and less of the fullness, than one draw.
    """

    steps: int
    frames: int
    overlap: float = 0.2
    eta: float = 0.0
    seed: int = 0
    draws: int = 1


@dataclass(frozen=True)
class SeparationConfig:
    """Configuration of the whole separation system. The default values are those of the preset `paper`.

    Example:
        >>> SeparationConfig(steps=5).sampling.steps
        5

    Attributes:
        channels: number of channels of the songs in training and evaluation, 1 or 2; each is separated on its own.
        codec: sizes of the project's own codec.
        published: name of the published codec that is used instead of it; "" for none.
        codec_segment: length of the codec's training examples in samples.
        train_codec: settings of the codec's training loop.
        denoiser: sizes of the denoiser.
        segment: length of the denoiser's training examples in latent frames.
        chunk: length of the chunks that are separated, in latent frames; above `segment`, they hold more context.
        overlap: fraction of a chunk that is cross-faded with the next one, at most 0.5.
        train_denoiser: settings of the denoiser's training loop.
        train_refiner: settings of that of the refining network, which has the denoiser's sizes.
        refining_steps: number of DDIM steps of the refining system.
        steps: number of DDIM steps in separation.
        compared: numbers of steps that the study compares.
        mask_network: sizes of the discriminative network.
        mask_segment: length of its training examples in samples.
        train_mask_network: settings of its training loop.
        remix: fraction of the training examples, in [0, 1], whose accompaniment comes from another song.
        shift: largest pitch shift of a training example, up or down, in semitones.
        embedded: number of songs made here (`data.embedded.training_songs`) that the denoiser and the discriminative
            network are trained on first; 0 for none.
        pretraining: fraction of their steps on these songs, if there are any.
        pure_noise: fraction of the denoiser's training examples whose noise level is 1.
        validation_seconds: seconds evaluated of each validation song during training, from its beginning.
        thresholds: scores that the quality checks require.
    """

    channels: int = 2
    codec: CodecConfig = field(
        default_factory=lambda: CodecConfig(sample_rate=24_000, channels=32, encoder_channels=32, dimension=128)
    )
    published: str = ""
    codec_segment: int = 24_000
    train_codec: FitConfig = FitConfig(steps=300_000, batch_size=32, precision="bfloat16", compile=True)
    denoiser: DenoiserConfig = field(default_factory=DenoiserConfig)
    segment: int = 256
    chunk: int = 256
    overlap: float = 0.2
    train_denoiser: FitConfig = FitConfig(
        steps=400_000, batch_size=32, learning_rate=1e-4, weight_decay=1e-3, warmup=1000, decay=1.0, ema=0.9995,
        precision="bfloat16", compile=True,
    )  # fmt: skip
    train_refiner: FitConfig = FitConfig(
        steps=200_000, batch_size=32, learning_rate=1e-4, weight_decay=1e-3, warmup=1000, decay=1.0, ema=0.9995,
        precision="bfloat16", compile=True,
    )  # fmt: skip
    refining_steps: int = 5
    steps: int = 20
    compared: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    mask_network: MaskNetworkConfig = field(default_factory=MaskNetworkConfig)
    mask_segment: int = 96_000
    train_mask_network: FitConfig = FitConfig(
        steps=200_000, batch_size=16, decay=0.5, precision="bfloat16", compile=True
    )
    remix: float = 0.5
    shift: float = 2.0
    embedded: int = 1_000
    pretraining: float = 0.1
    pure_noise: float = 0.05
    validation_seconds: float = 6.0
    thresholds: Thresholds = field(default_factory=Thresholds)

    @property
    def audio(self) -> Audio:
        """Format that the songs are converted to."""
        return Audio(self.codec.sample_rate, self.channels)

    @property
    def augmentation(self) -> Augmentation:
        """How training examples are made from songs."""
        return Augmentation(self.remix, self.shift)

    @property
    def codec_training(self) -> CodecTraining:
        """Settings of the training of the project's own codec."""
        return CodecTraining(
            self.codec, self.train_codec, self.codec_segment, self.augmentation, self.validation_seconds
        )

    @property
    def denoiser_training(self) -> DenoiserTraining:
        """Settings of the training of the denoiser."""
        fit = self.train_denoiser
        return DenoiserTraining(
            self.denoiser, fit, self.segment, self.augmentation, self._first_steps(fit), self.pure_noise
        )

    @property
    def refiner_training(self) -> DenoiserTraining:
        """Settings of the training of the refining network."""
        refiner, fit = replace(self.denoiser, known=2), self.train_refiner
        return DenoiserTraining(refiner, fit, self.segment, self.augmentation, 0, self.pure_noise)

    @property
    def mask_training(self) -> MaskTraining:
        """Settings of the training of the discriminative network."""
        fit = self.train_mask_network
        return MaskTraining(
            self.mask_network,
            fit,
            self.mask_segment,
            self.augmentation,
            self._first_steps(fit),
            self.validation_seconds,
        )

    def _first_steps(self, fit: FitConfig) -> int:
        """Return the number of steps on songs made here."""
        return round(self.pretraining * fit.steps) if self.embedded else 0

    @property
    def sampling(self) -> Sampling:
        """Settings of the separation by latent diffusion."""
        return Sampling(self.steps, self.chunk, self.overlap)

    @property
    def refining(self) -> Sampling:
        """Settings of the separation by the refining system."""
        return Sampling(self.refining_steps, self.chunk, self.overlap)
