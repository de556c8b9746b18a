"""Configuration of the acoustic model: sizes of the networks, its training material, and settings of the training.

Does not import torch, so that the asset graph reads configurations quickly.
"""

from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.training.config import FitConfig

MELODIES = ("features", "pitch")


@dataclass(frozen=True)
class AcousticConfig:
    """Sizes of the acoustic network.

    Attributes:
        melody: what the melody encoder reads: "features" of the melody extractor, or "pitch" for pitch and energy
            alone, as the baselines "Original pitch & energy" and "CREPE" do.
        content: number of content features.
        extracted: number of features of the melody extractor.
        features: number of features D between the blocks.
        content_blocks: number of FFT blocks of the content encoder, at 25 Hz.
        melody_blocks: number of FFT blocks of the melody encoder, at 100 Hz.
        decoder_blocks: number of FFT blocks of the decoder, at 100 Hz.
        heads: number of attention heads.
        filters: number of channels inside a block.
        width: length of the first convolution inside a block in frames, odd.
        reach: number of frames on either side that a frame attends to.
        dropout: probability of dropout in training.
        key: whether the pitch is given to the decoder too, so that the key can be chosen. Without it the model sings in
            a key of its own, as the published one does.
    """

    melody: str = "features"
    content: int = 256
    extracted: int = 256
    features: int = 256
    content_blocks: int = 4
    melody_blocks: int = 4
    decoder_blocks: int = 6
    heads: int = 2
    filters: int = 1024
    width: int = 9
    reach: int = 100
    dropout: float = 0.1
    key: bool = True


@dataclass(frozen=True)
class FeatureSet:
    """Which training material is made of each clip: itself, and copies that are altered at random.

    In a copy, the voice that the system hears may have an accompaniment and formants of another singer, and the voice
    that it is to sing may be sung higher or lower than the one that it hears. So the acoustic model learns not to take
    the singer from the content, nor the key from the melody features.

    Attributes:
        copies: number of altered copies of each training clip; a validation clip has one at most.
        mixed: probability that a copy has an accompaniment.
        snr: range of the ratio of voice to accompaniment in dB, on sung frames, drawn uniformly.
        warp: largest relative shift of the formants that are heard, up or down.
        shift: largest shift of the pitch that is sung, in semitones, up or down.
        level: level of the voice that is sung, in dB relative to full scale, RMS on sung frames.
        seed: seed of all draws.
    """

    copies: int = 3
    mixed: float = 0.5
    snr: tuple[float, float] = (0.0, 15.0)
    warp: float = 0.2
    shift: float = 5.0
    level: float = -23.0
    seed: int = 0


@dataclass(frozen=True)
class Adversary:
    """One discriminator and its part in the training.

    Attributes:
        weight: weight of its loss; 0 switches it off.
        start: fraction of all steps after which it begins. Its weight then grows linearly over `rise`.
        rise: fraction of all steps in which its weight grows to `weight`.
        channels: number of channels of its first layer.
    """

    weight: float = 1.0
    start: float = 0.5
    rise: float = 0.1
    channels: int = 32


@dataclass(frozen=True)
class Adversaries:
    """The three discriminators.

    Attributes:
        real: tells mel spectrograms of recordings from reconstructed ones.
        conversion: tells converted mel spectrograms from reconstructed ones of the target singer.
        embedding: tells melody embeddings of the target singer from those of other singers.
    """

    real: Adversary = field(default_factory=Adversary)
    conversion: Adversary = field(default_factory=Adversary)
    embedding: Adversary = field(default_factory=lambda: Adversary(weight=0.1))


@dataclass(frozen=True)
class Examples:
    """How training examples are chosen.

    Attributes:
        frames: length of an example in melody frames, a multiple of four.
        target: share of the target singer in a batch.
        pretraining: fraction of all steps, at the beginning, in which every singer has the share of their singing.
        tuning: fraction of all steps, at the end, in which only the target singer is reconstructed.
        tuning_target: share of the target singer in a batch in these last steps; the rest is only converted.
        exact: probability that an example has the pitch of the targets, and not the one that was extracted.
        free: probability that an example has no pitch, for the key that the model chooses.
        held_out: share of the clips of the target singer that are not trained on.
    """

    frames: int = 256
    target: float = 0.5
    pretraining: float = 0.3
    tuning: float = 0.2
    tuning_target: float = 0.75
    exact: float = 0.5
    free: float = 0.1
    held_out: float = 0.1

    def share(self, progress: float) -> float | None:
        """Return the share of the target singer at a fraction of all steps; None for that of their singing."""
        if progress < self.pretraining:
            return None
        return self.tuning_target if progress >= 1 - self.tuning else self.target


@dataclass(frozen=True)
class AcousticTraining:
    """Settings of the training of the acoustic model.

    Attributes:
        acoustic: sizes of the network.
        fit: settings of the training loop.
        examples: how examples are chosen.
        adversaries: the three discriminators.
        target: name of the target singer; "" for the one that the voices name.
        validation_clips: largest number of clips that each figure of the validation is computed on.
        validation_frames: melody frames evaluated of each clip, from its beginning.
    """

    acoustic: AcousticConfig
    fit: FitConfig
    examples: Examples = field(default_factory=Examples)
    adversaries: Adversaries = field(default_factory=Adversaries)
    target: str = ""
    validation_clips: int = field(default=12, metadata=OBSERVES)
    validation_frames: int = field(default=800, metadata=OBSERVES)
