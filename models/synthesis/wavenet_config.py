"""Configuration of the WaveNet baseline: its sizes, which are smaller than the published ones, and its training.

The module does not import torch, so that the asset graph can read configurations without loading it.
"""

from dataclasses import dataclass, field

from data.configuration import OBSERVES
from models.training.config import FitConfig


@dataclass(frozen=True)
class WavenetConfig:
    """Sizes of the WaveNet autoencoder baseline (h512_bo16 of Engel et al. 2017, scaled down).

    Attributes:
        encoder_width: number of channels of the encoder.
        width: number of channels of the decoder's residual path.
        skip: number of channels of the decoder's skip path.
        stacks: number of stacks; each has the dilations 1, 2, 4 …
        layers: number of layers in a stack.
        code: number of values of the encoding at each hop.
        hop: samples between values of the encoding.
        crop: length of a training example in samples, a multiple of `hop`.
    """

    encoder_width: int = 32
    width: int = 64
    skip: int = 64
    stacks: int = 2
    layers: int = 10
    code: int = 16
    hop: int = 512
    crop: int = 6144


@dataclass(frozen=True)
class WavenetTraining:
    """Configuration of the training of the WaveNet baseline.

    Attributes:
        wavenet: sizes of the network.
        fit: steps, batch size and optimiser.
        pitch_shifts: semitones by which training notes may be shifted.
        validation_notes: number of validation notes used for the figures during training.
    """

    wavenet: WavenetConfig
    fit: FitConfig
    pitch_shifts: tuple[int, ...]
    validation_notes: int = field(metadata=OBSERVES)
