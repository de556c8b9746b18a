"""Configuration of the vocoder: the sizes of its three arms and of the discriminators, and the settings of training.

The arms are three networks that make a waveform from a mel spectrogram:

- "hifigan": transposed convolutions and residual blocks (Kong et al., HiFi-GAN, NeurIPS 2020);
- "vocos": ConvNeXt blocks and one inverse STFT (Siuzdak, Vocos, ICLR 2024);
- "pulses": a pulse train at F0 and noise, both shaped by filters that a network predicts (source-filter model). It
  learns to sing in tune in minutes, because the pitch is given to it and not learnt.

Does not import torch, so that the asset graph reads configurations quickly.
"""

import math
from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.training.config import FitConfig

ARMS = ("hifigan", "vocos", "pulses")


@dataclass(frozen=True)
class HifiganConfig:
    """Sizes of HiFi-GAN's generator. The default is the shape V1 at hop 160; V2 has 128 channels.

    Attributes:
        channels: number of channels before the first transposed convolution; each of them halves it.
        rates: factors by which the transposed convolutions lengthen the signal; their product is the hop.
        kernels: lengths of the transposed convolutions, twice the rates.
        blocks: kernel length of each residual block; a stage has one block of each and takes their mean.
        dilations: dilations of the convolutions of a residual block.
    """

    channels: int = 512
    rates: tuple[int, ...] = (5, 4, 4, 2)
    kernels: tuple[int, ...] = (10, 8, 8, 4)
    blocks: tuple[int, ...] = (3, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)

    @property
    def hop(self) -> int:
        """Number of samples per mel frame."""
        return math.prod(self.rates)


@dataclass(frozen=True)
class ConvNextConfig:
    """Sizes of a stack of one-dimensional ConvNeXt blocks.

    Attributes:
        channels: number of channels between the blocks.
        filters: number of channels within a block.
        blocks: number of blocks.
        kernel: length of the depthwise convolutions in frames, odd.
    """

    channels: int = 512
    filters: int = 1536
    blocks: int = 8
    kernel: int = 7


@dataclass(frozen=True)
class VocosConfig:
    """Sizes of the Vocos arm.

    Attributes:
        stack: sizes of the network.
        n_fft: length in samples of the frames of the inverse STFT; the hop is 160.
    """

    stack: ConvNextConfig = field(default_factory=ConvNextConfig)
    n_fft: int = 640


@dataclass(frozen=True)
class PulsesConfig:
    """Sizes of the source-filter arm.

    Attributes:
        filters: sizes of the network that predicts the filters of pulses and noise.
        pitch: sizes of the network that finds F0 in the mel spectrogram where none is given.
        lowest: lowest F0 in Hz that this network knows.
        bins: number of its F0 classes, which are 25 cents wide.
        refinements: number of times that the result is filtered again so that its mel spectrogram is the given one.
        training_refinements: the same in training, where fewer cost less and teach the filters more.
        seed: seed of the noise.
    """

    filters: ConvNextConfig = field(default_factory=lambda: ConvNextConfig(192, 576, 5))
    pitch: ConvNextConfig = field(default_factory=lambda: ConvNextConfig(128, 384, 4))
    lowest: float = 60.0
    bins: int = 220
    refinements: int = 8
    training_refinements: int = 2
    seed: int = 0


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Sizes of the discriminators of HiFi-GAN.

    Attributes:
        periods: periods in samples of the multi-period discriminator.
        scales: number of scales of the multi-scale discriminator; each halves the rate.
        narrower: divisor of all channel numbers; 1 gives the published sizes.
    """

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    scales: int = 3
    narrower: int = 1


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses of the generator.

    Attributes:
        mel: weight of the mean absolute difference of mel spectrograms.
        stft: weight of the multi-resolution STFT distance.
        adversarial: weight of the least-squares adversarial loss; 0 trains without discriminators.
        features: weight of the feature matching, relative to `adversarial`.
        pitch: weight of the loss of the pitch network of the arm "pulses".
    """

    mel: float = 45.0
    stft: float = 0.0
    adversarial: float = 1.0
    features: float = 2.0
    pitch: float = 1.0


@dataclass(frozen=True)
class Examples:
    """How training examples are made.

    Attributes:
        frames: length of an example in mel frames of 160 samples.
        shift: largest pitch shift in semitones, up or down, made by faster or slower playback.
        gain: range of the gain in dB, drawn uniformly.
        tracker: pitch tracker (`data.pitch.trackers`) for voices whose F0 is not given; only the arm "pulses" uses it.
    """

    frames: int = 52
    shift: float = 0.0
    gain: tuple[float, float] = (0.0, 0.0)
    tracker: str = "autocorrelation"


@dataclass(frozen=True)
class CopyConfig:
    """Clips on which copy synthesis is measured.

    Attributes:
        clips: largest number of clips of a split, spread evenly over its singers; 0 for all.
        seconds: seconds used of each clip, from its beginning.
        tracker: pitch tracker (`data.pitch.trackers`) that compares the pitch of copy and recording.
    """

    clips: int = 12
    seconds: float = 6.0
    tracker: str = "autocorrelation"


@dataclass(frozen=True)
class VocoderTraining:
    """Settings of the training of one arm, and of its fine-tuning on predicted mel spectrograms.

    Example:
        >>> VocoderTraining(arm="pulses").generator
        PulsesConfig(...)

    Attributes:
        arm: one of `ARMS`.
        hifigan: sizes of the arm "hifigan".
        vocos: sizes of the arm "vocos".
        pulses: sizes of the arm "pulses".
        discriminators: sizes of the discriminators.
        weights: weights of the losses.
        examples: how training examples are made.
        fit: settings of the training loop.
        tune: settings of the training loop of the fine-tuning.
        validation: clips of the split "valid" that copy synthesis is measured on during training.
    """

    arm: str = "hifigan"
    hifigan: HifiganConfig = field(default_factory=HifiganConfig)
    vocos: VocosConfig = field(default_factory=VocosConfig)
    pulses: PulsesConfig = field(default_factory=PulsesConfig)
    discriminators: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    weights: LossWeights = field(default_factory=LossWeights)
    examples: Examples = field(default_factory=Examples)
    fit: FitConfig = FitConfig(
        steps=1_000_000, batch_size=16, learning_rate=2e-4, beta2=0.99, decay=1.0, precision="bfloat16",
    )  # fmt: skip
    tune: FitConfig = FitConfig(
        steps=100_000, batch_size=16, learning_rate=5e-5, beta2=0.99, decay=1.0, precision="bfloat16",
    )  # fmt: skip
    validation: CopyConfig = field(default_factory=CopyConfig, metadata=OBSERVES)

    @property
    def generator(self) -> HifiganConfig | VocosConfig | PulsesConfig:
        """Sizes of the chosen arm."""
        return {"hifigan": self.hifigan, "vocos": self.vocos, "pulses": self.pulses}[self.arm]
