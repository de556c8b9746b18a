"""Configuration of training examples and of evaluation mixtures.

Imports nothing heavy, so that the asset graph reads it quickly.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mixing:
    """Settings for making examples.

    Attributes:
        samples: length T of an example in samples at 16 kHz.
        probability: probability that an accompaniment is mixed in.
        snr: range of the ratio of voice to accompaniment in dB, on sung frames, drawn uniformly.
        gain: range of the level of an example relative to its recording in dB, drawn uniformly.
        shift: largest pitch shift of the voice in semitones, up or down; 0 for none.
        own: probability that the accompaniment is the one that belongs to the voice, at the same place, if there is
            one and the voice is not shifted; otherwise it is any accompaniment of the split, at any place.
    """

    samples: int = 64_000
    probability: float = 0.5
    snr: tuple[float, float] = (0.0, 15.0)
    gain: tuple[float, float] = (-12.0, 6.0)
    shift: float = 0.0
    own: float = 0.3


@dataclass(frozen=True)
class MixtureConfig:
    """Which evaluation mixtures are made.

    Attributes:
        splits: splits of the clips.
        snrs: ratios of voice to accompaniment in dB.
        graded: whether the graded set is made too.
        level: RMS of the voice on sung frames in dB relative to full scale.
        own: share of the clips with an accompaniment of their own that keep it; the others get one of another song.
        least_sung: smallest number of seconds with pitch that a clip must have.
        clips_per_singer: largest number of clips of a singer; 0 for all. Those that come first by a hash are taken.
        seed: seed of the choices.
    """

    splits: tuple[str, ...] = ("valid", "test")
    snrs: tuple[float, ...] = (15.0, 10.0, 5.0, 0.0)
    graded: bool = True
    level: float = -23.0
    own: float = 0.5
    least_sung: float = 0.5
    clips_per_singer: int = 0
    seed: int = 0
