"""Measures a recording of singing: bandwidth, pitch and brightness, and what they reveal about its sample rate.

A header that lies about the sample rate makes a voice faster and higher, such as three times. It is recognised by a
pitch that nobody sings, or by a recording whose pitch and spectrum both lie far from those of the same singer's others.

Shapes: T samples, F frequency bins.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import fft

from data.pitch.autocorrelation import track_frames
from data.voices.index import RATE

_SIZE = 2048
_BLOCK = 512  # frames transformed at once
_AUDIBLE_DB = 80.0  # content is what lies at most this far below the strongest bin
_NARROW, _UPSAMPLED = 0.8, 0.6
LOWEST_HZ, HIGHEST_HZ = 50.0, 1800.0  # searched
_SUNG_HZ = (60.0, 1200.0)  # medians beyond these are nobody's
_PITCH_HOP = RATE // 20
_MOST_SECONDS = 60  # of which the pitch is measured


@dataclass(frozen=True)
class Measures:
    """What was measured on a recording.

    Attributes:
        bandwidth: highest frequency with content, in Hz.
        hertz: F0 of voiced frames, 20 per second, in Hz, at most of the first minute.
        centroid: centre of gravity of the spectrum up to 8 kHz, in Hz.
    """

    bandwidth: float
    hertz: tuple[float, ...]
    centroid: float

    @property
    def median(self) -> float:
        """Median F0 in Hz, 0 if nothing is voiced."""
        return float(np.median(self.hertz)) if self.hertz else 0.0


def bandwidth(wave: np.ndarray, rate: float) -> float:
    """Return the highest frequency in Hz that has content.

    Content is what lies at most 80 dB below the strongest bin of the mean spectrum of the louder half of all frames.

    Args:
        wave: float, (T,), at its own sample rate.
        rate: sample rate in Hz.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> bandwidth(draw.standard_normal(48_000), 48_000) > 23_900
        True
    """
    padded = np.pad(wave, (0, max(0, _SIZE - len(wave))))
    frames = padded[: len(padded) // _SIZE * _SIZE].reshape(-1, _SIZE)
    power = np.einsum("ns,ns->n", frames, frames)
    loud = frames[power >= np.median(power)]
    spectrum = np.zeros(_SIZE // 2 + 1)
    window = np.hanning(_SIZE).astype(np.float32)
    for start in range(0, len(loud), _BLOCK):
        spectrum += np.square(np.abs(np.asarray(fft.rfft(loud[start : start + _BLOCK] * window)))).sum(0)
    smooth = np.convolve(spectrum, np.ones(5) / 5, "same")
    if smooth.max() <= 0:
        return 0.0
    return float(np.flatnonzero(smooth > smooth.max() * 10 ** (-_AUDIBLE_DB / 10))[-1] * rate / _SIZE)


def measure(original: np.ndarray, source_rate: float, wave: np.ndarray) -> Measures:
    """Return the measures of a recording.

    Args:
        original: float, (T,), at its own sample rate.
        source_rate: its sample rate in Hz.
        wave: the same at 16 kHz; empty if only the bandwidth is wanted.
    """
    if len(wave) == 0:
        return Measures(bandwidth(original, source_rate), (), 0.0)
    hertz, _ = track_frames(wave[: _MOST_SECONDS * RATE], RATE, _PITCH_HOP, LOWEST_HZ, HIGHEST_HZ)
    power = np.square(np.abs(np.asarray(fft.rfft(wave[: 8 * _MOST_SECONDS * RATE]))))
    frequency = np.linspace(0, RATE / 2, len(power))
    centroid = float((power * frequency).sum() / max(power.sum(), 1e-12))
    return Measures(bandwidth(original, source_rate), tuple(np.round(hertz[hertz > 0], 2).tolist()), centroid)


def rate_flags(measures: Measures, source_rate: float, others: Mapping[str, float]) -> list[str]:
    """Return the flags that concern the sample rate, sorted.

    "narrow band": content ends below 6.4 kHz, so the upper mel bands are empty. "upsampled": content ends below 60 % of
    half the sample rate of the file. "pitch out of range": median F0 below 60 or above 1200 Hz. "rate in doubt": median
    F0 and brightness are both far from those of the same singer's other recordings, in the same direction.

    Args:
        measures: measures of the recording.
        source_rate: sample rate of the file in Hz.
        others: "median" F0 and "centroid" of the same singer's recordings, both medians in Hz; empty if there are too
            few to compare with.
    """
    found = []
    if measures.bandwidth < _NARROW * RATE / 2:
        found.append("narrow band")
    if source_rate > RATE and measures.bandwidth < _UPSAMPLED * source_rate / 2:
        found.append("upsampled")
    if measures.median and not _SUNG_HZ[0] <= measures.median <= _SUNG_HZ[1]:
        found.append("pitch out of range")
    if others and measures.median and others["median"]:
        pitch, bright = measures.median / others["median"], measures.centroid / max(others["centroid"], 1e-9)
        if (pitch > 2.2 and bright > 1.5) or (pitch < 1 / 2.2 and bright < 1 / 1.5):
            found.append("rate in doubt")
    return sorted(found)
