"""Configurations of the separation system and its named presets.

Free of torch: the asset graph reads presets without loading it. What arXiv 2511.20470 leaves open is
set here and told in this folder's README.
"""

import math
from dataclasses import dataclass, field, replace

from data.errors import InputError
from models.separation.published.codecs import CODECS
from models.training.config import FitConfig

CONDITIONS = ("concat", "inject")


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
    def augmentation(self) -> dict[str, float]:
        """What of it decides how training examples are made of songs."""
        return {"remix": self.remix, "shift": self.shift}

    @property
    def sampling(self) -> dict[str, float]:
        """What of it decides how the diffusion system draws."""
        return {"steps": self.steps, "frames": self.chunk, "overlap": self.overlap}


def with_published_codec(config: SeparationConfig, name: str) -> SeparationConfig:
    """Return `config` with a published codec in the place of our own, everything at its rate; "" changes nothing.

    Raises:
        InputError: no codec of that name.
    """
    if not name:
        return config
    if name not in CODECS:
        raise InputError(f"TESSITURA_CODEC={name!r}: no codec; there are {', '.join(CODECS)}, or none")
    return replace(
        config,
        published=name,
        codec=replace(config.codec, sample_rate=CODECS[name].sample_rate),
        denoiser=replace(config.denoiser, dimension=CODECS[name].dimension),
    )


def with_conditioning(config: SeparationConfig, how: str) -> SeparationConfig:
    """Return `config` with the mixture conditioning as `CONDITIONS` names it.

    Raises:
        ValueError: another name.
    """
    if how not in CONDITIONS:
        raise ValueError(f"{how!r} is no way to condition; choose one of {', '.join(CONDITIONS)}")
    return replace(config, denoiser=replace(config.denoiser, condition=how))


def _short(steps: int, batch_size: int, learning_rate: float, validate_every: int = 500) -> FitConfig:
    """Return how a stage is trained when time is short."""
    return FitConfig(
        steps, batch_size, learning_rate, "muon", 0.99, warmup=50, decay=0.5, clip=1.0, validate_every=validate_every
    )


def _preset_small() -> SeparationConfig:
    return SeparationConfig(
        channels=1,
        # Long strides last cost least: most of the arithmetic lies where the rate is high.
        codec=CodecConfig(channels=16, strides=(4, 4, 4, 5), dimension=48),
        codec_segment=16_000,
        train_codec=_short(600, 4, 2e-3, 150),
        denoiser=DenoiserConfig(
            dimension=48, channels=96, factors=(1, 2, 2), blocks=(2, 2, 2), attention=1, features=256
        ),
        segment=128,
        chunk=512,
        steps=1,  # after so little training more steps lose SI-SDR on the validation songs
        train_denoiser=replace(_short(2_500, 16, 2e-3), ema=0.998),
        train_mask_network=_short(1_500, 8, 2e-3),
        mask_segment=64_000,
        remixes=3_000,
    )


def _preset_demo() -> SeparationConfig:
    """Return networks smaller than `small`'s, with a tenth of its training."""
    small = _preset_small()
    return replace(
        small,
        codec=replace(small.codec, channels=8),
        train_codec=replace(small.train_codec, steps=120, validate_every=60),
        denoiser=replace(small.denoiser, channels=64, blocks=(1, 1, 1)),
        train_denoiser=replace(small.train_denoiser, steps=280, validate_every=140, ema=0.98),
        mask_network=MaskNetworkConfig(channels=96),
        train_mask_network=replace(small.train_mask_network, steps=200, validate_every=100),
        mask_segment=32_000,
        remixes=150,
        # The codec is nearly exact on the embedded singers (15 dB): far from what so little training gives.
        thresholds=Thresholds(below_ceiling=18.0),
    )


PRESETS = {"paper": SeparationConfig(), "small": _preset_small(), "demo": _preset_demo()}
