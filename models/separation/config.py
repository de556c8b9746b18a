"""Configuration of the separation system: network sizes and the settings of every stage.

Does not import torch, so that the asset graph reads configurations quickly. Choices that arXiv 2511.20470 leaves
open are set here and listed in this folder's README.
"""

import math
from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.training.config import FitConfig


@dataclass(frozen=True)
class CodecConfig:
    """Sizes of the project's own codec: SEANet, as in EnCodec's encoder and decoder, without a quantiser.

    Attributes:
        sample_rate: sample rate of the coded sound in Hz; each channel of the sound is coded separately.
        channels: number of channels of the first layer; each stride doubles it.
        strides: strides of the encoder, in order; their product is the hop.
        dimension: number of values per latent frame.
    """

    sample_rate: int = 16_000
    channels: int = 16
    strides: tuple[int, ...] = (2, 4, 5, 8)
    dimension: int = 64

    @property
    def hop(self) -> int:
        """Number of samples per latent frame."""
        return math.prod(self.strides)


@dataclass(frozen=True)
class DenoiserConfig:
    """Sizes of the denoiser, a conditional U-Net over latent frames.

    Attributes:
        dimension: number of latent channels.
        channels: number of channels of the first level.
        factors: factor by which each level shortens the time axis; where it is above 1, the channels double.
        blocks: number of residual blocks of each level, in each of encoder and decoder.
        attention: number of levels with self-attention, counted from the deepest; above 0, the bottleneck has it too.
        heads: number of attention heads.
        groups: number of groups of the group norms.
        features: size of the embedding of the noise level.
        condition: where the mixture's latent enters: "concat" at the input, "inject" also on the attention levels.
    """

    dimension: int = 128
    channels: int = 216
    factors: tuple[int, ...] = (1, 2, 2, 2)
    blocks: tuple[int, ...] = (2, 2, 2, 2)
    attention: int = 2
    heads: int = 8
    groups: int = 8
    features: int = 1024
    condition: str = "concat"

    @property
    def multiple(self) -> int:
        """Product of the factors: the number of latent frames must be a multiple of it."""
        return math.prod(self.factors)


@dataclass(frozen=True)
class MaskNetworkConfig:
    """Sizes of the discriminative network, which predicts a mask on the mixture's STFT.

    Attributes:
        n_fft: STFT size in samples; the hop is a quarter of it.
        channels: number of channels of the convolutions.
        dilations: dilation of the convolution in each block, in STFT frames.
    """

    n_fft: int = 1024
    channels: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4, 8, 16)


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
class LatentSet:
    """Settings of the latents that the denoiser is trained on. They also depend on the songs and the codec.

    Attributes:
        remixes: number of augmented examples that are encoded in addition to the songs.
        frames: length of such an example in latent frames.
        augmentation: how the examples are made.
        seed: seed of the random draws.
    """

    remixes: int
    frames: int
    augmentation: Augmentation
    seed: int


@dataclass(frozen=True)
class DenoiserTraining:
    """Settings of the training of the denoiser. The result also depends on the latents it is trained on.

    Attributes:
        denoiser: sizes of the network.
        fit: settings of the training loop.
        frames: length of a training example in latent frames.
    """

    denoiser: DenoiserConfig
    fit: FitConfig
    frames: int


@dataclass(frozen=True)
class MaskTraining:
    """Settings of the training of the discriminative network.

    Attributes:
        mask_network: sizes of the network.
        fit: settings of the training loop.
        segment: length of a training example in samples.
        augmentation: how training examples are made.
        validation_seconds: seconds evaluated of each validation song, from its beginning.
    """

    mask_network: MaskNetworkConfig
    fit: FitConfig
    segment: int
    augmentation: Augmentation
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
    """

    steps: int
    frames: int
    overlap: float = 0.2
    eta: float = 0.0
    seed: int = 0


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
        steps: number of DDIM steps in separation.
        compared: numbers of steps that the study compares.
        mask_network: sizes of the discriminative network.
        mask_segment: length of its training examples in samples.
        train_mask_network: settings of its training loop.
        remix: fraction of the training examples, in [0, 1], whose accompaniment comes from another song.
        shift: largest pitch shift of a training example, up or down, in semitones.
        remixes: number of augmented examples of `segment` frames that are added to the denoiser's training songs.
        validation_seconds: seconds evaluated of each validation song during training, from its beginning.
        thresholds: scores that the quality checks require.
    """

    channels: int = 2
    codec: CodecConfig = field(default_factory=lambda: CodecConfig(sample_rate=24_000, channels=32, dimension=128))
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
    steps: int = 20
    compared: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    mask_network: MaskNetworkConfig = field(default_factory=MaskNetworkConfig)
    mask_segment: int = 96_000
    train_mask_network: FitConfig = FitConfig(
        steps=200_000, batch_size=16, decay=0.5, precision="bfloat16", compile=True
    )
    remix: float = 0.5
    shift: float = 2.0
    remixes: int = 20_000
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
    def latent_set(self) -> LatentSet:
        """Settings of the latents that the denoiser is trained on."""
        return LatentSet(self.remixes, self.segment, self.augmentation, self.train_denoiser.seed)

    @property
    def denoiser_training(self) -> DenoiserTraining:
        """Settings of the training of the denoiser."""
        return DenoiserTraining(self.denoiser, self.train_denoiser, self.segment)

    @property
    def mask_training(self) -> MaskTraining:
        """Settings of the training of the discriminative network."""
        return MaskTraining(
            self.mask_network, self.train_mask_network, self.mask_segment, self.augmentation, self.validation_seconds
        )

    @property
    def sampling(self) -> Sampling:
        """Settings of the separation by latent diffusion."""
        return Sampling(self.steps, self.chunk, self.overlap)
