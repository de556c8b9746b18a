"""Configuration of the melody extractor: sizes of its networks and the settings of their trainings.

Does not import torch, so that the asset graph reads configurations quickly. The default values are those of the
preset `paper`, as far as the paper tells; the README of the conversion system lists what it leaves open.
"""

from dataclasses import dataclass, field

from data.configuration import OBSERVES
from data.voices.config import Mixing
from models.training.config import FitConfig


@dataclass(frozen=True)
class SpectrumConfig:
    """Sizes of the harmonic spectrum that the project's own encoder hears.

    Attributes:
        low: frequency of the lowest pitch bin in Hz.
        octaves: number of octaves of the pitch bins.
        resolution: number of pitch bins per octave; 36 is a bin every 33 cents.
        windows: lengths of the analysis windows in samples; each gives spectra of its own.
        harmonics: multiples of the pitch whose magnitudes are stacked at its bin.
    """

    low: float = 61.735
    octaves: float = 4.25
    resolution: int = 36
    windows: tuple[int, ...] = (2048, 1024)
    harmonics: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5, 6, 8)

    @property
    def bins(self) -> int:
        """Number of pitch bins."""
        return round(self.octaves * self.resolution)


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the project's own encoder.

    Attributes:
        spectrum: sizes of its input.
        channels: number of channels of the convolutions over pitch bins.
        kernel: length of these convolutions in pitch bins, odd.
        narrow: number of channels per pitch bin that are projected to the features.
        features: number of features D of each layer.
        blocks: number L of FFT blocks.
        heads: number of attention heads.
        filters: number of channels inside a block.
        width: length of the convolution inside a block in frames of 20 ms, odd.
        reach: number of frames on either side that a frame attends to.
        dropout: probability of dropout in training.
    """

    spectrum: SpectrumConfig = field(default_factory=SpectrumConfig)
    channels: int = 32
    kernel: int = 5
    narrow: int = 8
    features: int = 256
    blocks: int = 4
    heads: int = 4
    filters: int = 512
    width: int = 5
    reach: int = 25
    dropout: float = 0.1


@dataclass(frozen=True)
class PitchConfig:
    """How pitch is predicted by the one linear layer.

    Attributes:
        form: "line" for one value, the normalised logarithm of F0, as in the paper; "bins" for a distribution over
            logarithmic pitch bins.
        low: lowest F0 in Hz.
        high: highest F0 in Hz.
        cents: width of a bin in cents.
        blur: standard deviation of the target distribution in cents.
    """

    form: str = "line"
    low: float = 55.0
    high: float = 1250.0
    cents: float = 20.0
    blur: float = 25.0


@dataclass(frozen=True)
class ExtractorConfig:
    """Sizes of the melody extractor after its encoder.

    Attributes:
        layers: "sum" for a learnable weighted sum over all layers of the encoder, "last" for its last layer alone.
        features: number of melody features.
        blocks: number of FFT blocks; 0 for none.
        heads: number of attention heads.
        filters: number of channels inside a block.
        width: length of the first convolution inside a block in frames, odd.
        reach: number of frames on either side that a frame attends to.
        dropout: probability of dropout in training.
        pitch: how pitch is predicted.
    """

    layers: str = "sum"
    features: int = 256
    blocks: int = 2
    heads: int = 2
    filters: int = 1024
    width: int = 9
    reach: int = 50
    dropout: float = 0.1
    pitch: PitchConfig = field(default_factory=PitchConfig)


@dataclass(frozen=True)
class EncoderTraining:
    """Settings of the training of the project's own encoder without labels, by BEST-RQ.

    Attributes:
        encoder: sizes of the network.
        fit: settings of the training loop.
        mixing: how examples are made.
        entries: number of entries of the random codebook.
        code: number of values of an entry.
        masked: fraction of the frames that are masked.
        span: number of consecutive frames of a mask.
    """

    encoder: EncoderConfig
    fit: FitConfig
    mixing: Mixing
    entries: int = 512
    code: int = 16
    masked: float = 0.4
    span: int = 10


@dataclass(frozen=True)
class MelodyTraining:
    """Settings of the training of the melody extractor. The result also depends on the encoder it starts from.

    Attributes:
        extractor: sizes of the network after the encoder.
        fit: settings of the training loop.
        mixing: how examples are made.
        tuned: whether the encoder is trained too; the convolutions of a published one stay as they are.
        distance: weight of the squared distance of the encoder's weights from those it started from; 0 for none.
        replay: weight of the squared distance of its layers, on voices alone, from those of the encoder it started
            from; 0 for none.
        equaliser: largest gain or attenuation of the random equaliser in dB; 0 for none.
        snapshots: numbers of steps after which the weights are kept besides, for the study of the length.
        validation_seconds: seconds evaluated of each validation clip, from its beginning.
        validation_clips: largest number of validation clips.
    """

    extractor: ExtractorConfig
    fit: FitConfig
    mixing: Mixing
    tuned: bool = True
    distance: float = 0.0
    replay: float = 0.0
    equaliser: float = 0.0
    snapshots: tuple[int, ...] = ()
    validation_seconds: float = field(default=6.0, metadata=OBSERVES)
    validation_clips: int = field(default=24, metadata=OBSERVES)
