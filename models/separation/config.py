"""Configurations of the separation system: the sizes of its networks, and all that decides each stage.

Free of torch: the asset graph reads configurations without loading it. What arXiv 2511.20470 leaves open is
set here and listed in this folder's README.
"""

import math
from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.training.config import FitConfig


@dataclass(frozen=True)
class CodecConfig:
    """The codec of our own: SEANet, the shape of EnCodec's encoder and decoder, without a quantiser.

    Attributes:
        sample_rate: of the sound it codes, in Hz, one channel at a time.
        channels: of the first layer; each stride doubles them.
        strides: of the encoder, in order; their product is the hop.
        dimension: values of a latent frame.
    """

    sample_rate: int = 16_000
    channels: int = 16
    strides: tuple[int, ...] = (2, 4, 5, 8)
    dimension: int = 64

    @property
    def hop(self) -> int:
        """Samples a latent frame."""
        return math.prod(self.strides)


@dataclass(frozen=True)
class DenoiserConfig:
    """The conditional U-Net over latent frames.

    Attributes:
        dimension: channels of the latent.
        channels: of the first level.
        factors: by how much each level shortens time; where it is above 1 the channels double.
        blocks: residual blocks of each level.
        attention: how many of the deepest levels attend.
        heads: of the attention.
        groups: of the group norms.
        features: of the noise level's embedding.
        condition: "concat" shows the mixture at the input, "inject" on the deepest levels as well.
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
        """Frames come in multiples of this."""
        return math.prod(self.factors)


@dataclass(frozen=True)
class MaskNetworkConfig:
    """The discriminative network.

    Attributes:
        n_fft: samples of an STFT frame; the hop is a quarter.
        channels: of its convolutions.
        dilations: of each block, in frames.
    """

    n_fft: int = 1024
    channels: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Audio:
    """What the songs are brought to: sample rate in Hz, and 1 or 2 channels."""

    sample_rate: int
    channels: int


@dataclass(frozen=True)
class Thresholds:
    """What trained systems must reach on the test songs.

    Attributes:
        mask_usdr: median uSDR in dB of the discriminative network, at least.
        below_ceiling: dB that latent diffusion may lie below the codec's ceiling in SI-SDR, at most.
    """

    mask_usdr: float = 3.6
    below_ceiling: float = 6.0


@dataclass(frozen=True)
class Augmentation:
    """How training examples are made of songs.

    Attributes:
        remix: share of examples whose accompaniment is another song's.
        shift: most semitones that the pitch of an example is moved by.
    """

    remix: float
    shift: float


@dataclass(frozen=True)
class CodecTraining:
    """All that decides a codec trained here.

    Attributes:
        codec: sizes of the network.
        fit: its training.
        segment: samples it is trained on at once.
        augmentation: how examples are made.
        validation_seconds: of each validation song looked at while training.
    """

    codec: CodecConfig
    fit: FitConfig
    segment: int
    augmentation: Augmentation
    validation_seconds: float = field(metadata=OBSERVES)


@dataclass(frozen=True)
class LatentSet:
    """All that decides which latents the denoiser is trained on, beside songs and codec.

    Attributes:
        remixes: how many augmented examples are encoded beside the songs.
        frames: latent frames of such an example.
        augmentation: how they are made.
        seed: of the draws.
    """

    remixes: int
    frames: int
    augmentation: Augmentation
    seed: int


@dataclass(frozen=True)
class DenoiserTraining:
    """All that decides the denoiser, beside its latents.

    Attributes:
        denoiser: sizes of the network.
        fit: its training.
        frames: latent frames it is trained on at once.
    """

    denoiser: DenoiserConfig
    fit: FitConfig
    frames: int


@dataclass(frozen=True)
class MaskTraining:
    """All that decides the discriminative network.

    Attributes:
        mask_network: sizes of the network.
        fit: its training.
        segment: samples it is trained on at once.
        augmentation: how examples are made.
        validation_seconds: of each validation song looked at while training.
    """

    mask_network: MaskNetworkConfig
    fit: FitConfig
    segment: int
    augmentation: Augmentation
    validation_seconds: float = field(metadata=OBSERVES)


@dataclass(frozen=True)
class Sampling:
    """How the diffusion system draws.

    Attributes:
        steps: of DDIM.
        frames: latent frames of a chunk, a multiple of the denoiser's.
        overlap: share of a chunk that is cross-faded with the next.
        eta: share of fresh noise at every step.
        seed: of the noise.
    """

    steps: int
    frames: int
    overlap: float = 0.2
    eta: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class SeparationConfig:
    """The whole of the separation system. Sizes are those of the preset `paper` by default.

    Attributes:
        channels: of the songs trained on and judged; each is separated alike.
        codec: of our own.
        published: name of the published codec that takes its place; "" for none.
        codec_segment: samples the codec is trained on at once.
        train_codec: its training.
        denoiser: the U-Net.
        segment: latent frames the denoiser is trained on at once.
        chunk: latent frames it separates at once; longer than it was trained on, it hears more around.
        overlap: share of a chunk that is cross-faded with the next.
        train_denoiser: its training.
        steps: of DDIM, by default.
        mask_network: the discriminative network.
        mask_segment: samples it is trained on at once.
        train_mask_network: its training.
        remix: share of examples whose accompaniment is another song's.
        shift: most semitones that a training example's pitch is moved by.
        remixes: augmented examples of `segment` frames that the denoiser is trained on beside the songs.
        validation_seconds: of each validation song looked at while training.
        thresholds: of the quality checks.
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
        """What the songs are brought to."""
        return Audio(self.codec.sample_rate, self.channels)

    @property
    def augmentation(self) -> Augmentation:
        """How training examples are made of songs."""
        return Augmentation(self.remix, self.shift)

    @property
    def codec_training(self) -> CodecTraining:
        """The codec of our own."""
        return CodecTraining(
            self.codec, self.train_codec, self.codec_segment, self.augmentation, self.validation_seconds
        )

    @property
    def latent_set(self) -> LatentSet:
        """What the denoiser is trained on."""
        return LatentSet(self.remixes, self.segment, self.augmentation, self.train_denoiser.seed)

    @property
    def denoiser_training(self) -> DenoiserTraining:
        """The denoiser."""
        return DenoiserTraining(self.denoiser, self.train_denoiser, self.segment)

    @property
    def mask_training(self) -> MaskTraining:
        """The discriminative network."""
        return MaskTraining(
            self.mask_network, self.train_mask_network, self.mask_segment, self.augmentation, self.validation_seconds
        )

    @property
    def sampling(self) -> Sampling:
        """How the diffusion system draws."""
        return Sampling(self.steps, self.chunk, self.overlap)
