"""Configuration of the content networks: the project's own recogniser, and the projection of a published encoder.

Does not import torch, so that the asset graph reads configurations quickly.
"""

from dataclasses import dataclass, field

from data.configuration import OBSERVES
from data.voices.config import Mixing
from models.training.config import FitConfig

FEATURES = 256  # content features


@dataclass(frozen=True)
class RecogniserConfig:
    """Sizes of the project's own recogniser.

    Attributes:
        bands: number of bands of the mel filter bank.
        channels: number of channels of the two convolutions that subsample by four.
        blocks: number of FFT blocks at 25 Hz.
        heads: number of attention heads.
        filters: number of channels inside a block.
        width: length of the first convolution inside a block in frames of 40 ms, odd.
        reach: number of frames on either side that a frame attends to.
        dropout: probability of dropout in training.
        centred: whether the mean over 10 s on either side is taken away (`centre.centred`): it tells the singer.
    """

    bands: int = 80
    channels: int = 64
    blocks: int = 4
    heads: int = 4
    filters: int = 1024
    width: int = 5
    reach: int = 25
    dropout: float = 0.1
    centred: bool = True


@dataclass(frozen=True)
class UnitsConfig:
    """How units of sound are found in the training voices, in place of transcripts.

    Attributes:
        units: number of units, silence apart.
        cepstra: number of cepstral coefficients that a unit is made of; the level is not among them.
        rounds: number of rounds of k-means.
        frames: largest number of frames that k-means uses.
        silence: level in dB below the loudest frame of a recording at which silence begins.
    """

    units: int = 100
    cepstra: int = 14
    rounds: int = 20
    frames: int = 50_000
    silence: float = 40.0


@dataclass(frozen=True)
class RecogniserTraining:
    """Settings of the training of the project's own recogniser.

    Attributes:
        recogniser: sizes of the network.
        fit: settings of the training loop.
        mixing: how examples are made.
        units: how the units are found that it learns to recognise.
        ctc: weight of the CTC loss over sequences of units without their durations; the rest of the weight, to 1, is
            that of the cross entropy of the units frame by frame.
        warp: largest relative change of the frequency axis, up or down: as if the vocal tract had another length.
        tilt: largest gain of the highest band in dB, up or down, with the opposite gain of the lowest band.
        validation_batches: number of batches of each validation.
    """

    recogniser: RecogniserConfig
    fit: FitConfig
    mixing: Mixing
    units: UnitsConfig = field(default_factory=UnitsConfig)
    ctc: float = 0.3
    warp: float = 0.15
    tilt: float = 6.0
    validation_batches: int = field(default=4, metadata=OBSERVES)


@dataclass(frozen=True)
class PublishedContent:
    """How content features are made of a published encoder.

    Attributes:
        layer: number of the encoder's layer; 0 is the output of its convolutions, -1 the last layer.
        seconds: seconds of training voices, drawn at random, that the projection is fitted on.
        mixed: fraction of these with accompaniment, at 0 to 15 dB.
        seed: seed of the draw.
        centred: whether the mean over 10 s on either side is taken away (`centre.centred`): it tells the singer.
    """

    layer: int = -1
    seconds: float = 600.0
    mixed: float = 0.5
    seed: int = 0
    centred: bool = True
