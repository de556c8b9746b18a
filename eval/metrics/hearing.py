"""Specific loudness error: which share of the loudness of a sound is wrong, as an ear hears it that knows no phase.

Energy ratios such as SDR count what nobody hears (phase) and ignore what everybody hears (soft noise in a pause).
Distances of log spectra are the other way round: they are ruled by the softest bins, down to digital silence. Between
them lies loudness, which grows with about the fourth root of power and is nothing below the threshold of hearing.

Model, after Zwicker and Fastl, Psychoacoustics, 1999 (chapters 4, 6 and 8):

1. the reference is played so that its frames within 40 dB of the loudest one have 70 dB SPL on average, and the
   estimate with the same gain;
2. power in bands of one ERB (Glasberg and Moore 1990), in frames of 46 ms (44.1 kHz) or 64 ms (16 kHz), hop a quarter;
3. a band excites its neighbours, 27 dB weaker a band downwards and 10 dB weaker a band upwards: what is masked by a
   louder neighbour counts less;
4. loudness of an excitation E over the threshold in quiet T (Terhardt 1979): T^0.23 ((1/2 + E / 2T)^0.23 - 1), at
   least 0.

The error is the sum over all frames and bands of |loudness of the reference - loudness of the estimate| over the sum of
the loudness of the reference. Frames in which both are inaudible add nothing, so silence around a sound changes
nothing. No correlation with listeners is claimed: it has not been measured for this definition.

Shapes: T samples, F frequency bins, M bands, N frames.
"""

import numpy as np
import torch

from data.signal import power_spectrum
from eval.metrics.blocks import Block
from eval.metrics.spectral import validate

_LEVEL, _ACTIVE_DB = 70.0, 40.0  # dB SPL of the active frames; how far below the loudest frame an active one may be
_SECONDS = 0.04  # least length of a frame
_LOWEST, _HIGHEST = 2, 38  # bands: 55 Hz to 13.4 kHz
_DOWNWARDS, _UPWARDS = 27.0, 10.0  # dB a band
_EXPONENT = 0.23


def specific_loudness_error(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Return the share of the loudness of a sound, in time and frequency, that is wrong in an estimate.

    Args:
        reference: true mono sound, float, full scale [-1, 1], shape (T,).
        estimate: estimated mono sound, same shape.
        sample_rate: sample rate of both in Hz.

    Returns:
        0 for sounds that are heard alike, 1 for silence, more for what sounds further from the reference than silence
        does. NaN if the reference is silent.

    Raises:
        ValueError: as `eval.metrics.spectral.validate`, or the sounds are not (T,) or shorter than half a frame.

    Example:
        >>> voice = 0.1 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
        >>> specific_loudness_error(voice, -voice, 16_000), specific_loudness_error(voice, 0 * voice, 16_000)
        (0.0, 1.0)
    """
    reference, estimate = validate(reference, estimate)
    found = LoudnessError(sample_rate)
    if reference.ndim != 1 or len(reference) <= found.size // 2:
        raise ValueError(
            f"sounds of shape {reference.shape}; mono sounds of more than {found.size // 2} samples are needed"
        )
    block = Block.whole(np.stack([reference, estimate])[..., None])
    found.survey(block)
    found.add(block)
    return found.share


class LoudnessError:
    """The specific loudness error of a sound that is seen block by block (`specific_loudness_error`).

    All blocks go through `survey` before the first goes through `add`. They hold reference and estimate, float32, mono,
    and half of `size` samples before and after them.

    Attributes:
        size: length of a frame in samples.
    """

    def __init__(self, sample_rate: int) -> None:
        """Prepare for sounds of a sample rate in Hz."""
        self.size = 2 ** int(np.ceil(np.log2(_SECONDS * sample_rate)))
        self._centres, self._weights = _bands(self.size, sample_rate)
        self._frames: list[np.ndarray] = []
        self._gain, self._total, self._wrong = float("nan"), 0.0, 0.0

    def survey(self, block: Block) -> None:
        """See a block for the first time: the power of the frames of the reference decides how loud it is played."""
        self._frames.append(self._powers(block)[0].sum(0))

    def add(self, block: Block) -> None:
        """See a block for the second time."""
        if self._frames:
            frames = np.concatenate(self._frames)
            active = frames[frames > frames.max() * 10 ** (-_ACTIVE_DB / 10)]
            self._gain = 10 ** (_LEVEL / 10) / active.mean() if len(active) else float("nan")
            self._frames = []
        true, found = (_loudness(self._gain * one, self._centres) for one in self._powers(block))
        self._total += float(true.sum())
        self._wrong += float(np.abs(true - found).sum())

    @property
    def share(self) -> float:
        """The share of the loudness that is wrong; NaN if the reference is silent."""
        return self._wrong / self._total if self._total > 0 else float("nan")

    def _powers(self, block: Block) -> list[np.ndarray]:
        """Return the powers of reference and estimate in bands, (M, N) each."""
        waves = block.centred(self.size, self.size // 4)[..., 0]
        return [_powers(wave, self.size, self._weights) for wave in waves]


def _bands(size: int, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of the bands in Hz, (M,), and the weight of each frequency bin in each band, (M, F)."""
    number = 21.4 * np.log10(1 + 0.00437 * np.fft.rfftfreq(size, 1 / sample_rate))
    numbers = np.arange(_LOWEST, min(_HIGHEST, int(number[-1])) + 1)
    weights = np.clip(1 - np.abs(number - numbers[:, None]), 0, None)
    return (10 ** (numbers / 21.4) - 1) / 0.00437, weights


def _powers(wave: np.ndarray, size: int, bands: np.ndarray) -> np.ndarray:
    """Return the power of a sound (n,) in bands, (M, N), with what each band makes its neighbours do."""
    spectrum = power_spectrum(torch.tensor(wave), size, size // 4)
    powers = (torch.from_numpy(bands).float() @ spectrum).double().numpy()
    apart = np.arange(len(bands))[:, None] - np.arange(len(bands))  # bands that the excited one lies above
    return 10 ** (-np.where(apart >= 0, _UPWARDS * apart, -_DOWNWARDS * apart) / 10) @ powers


def _loudness(excitation: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return the loudness of excitations, (M, N) in units of 0 dB SPL, in bands around `centres` in Hz."""
    kilohertz = centres[:, None] / 1000
    decibels = 3.64 * kilohertz**-0.8 - 6.5 * np.exp(-0.6 * (kilohertz - 3.3) ** 2) + 1e-3 * kilohertz**4
    threshold = 10 ** (decibels / 10)
    return np.clip(threshold**_EXPONENT * ((0.5 + 0.5 * excitation / threshold) ** _EXPONENT - 1), 0, None)
