"""Decides the key in which a song is converted: by how many semitones the pitch is shifted.

The published system sings in whatever key its model chooses, in steps that are no whole semitones, so that its voice
clashes with the accompaniment. Here the key is a choice of the user, and the shift is told.
"""

import math
from dataclasses import dataclass

import numpy as np

from data.errors import InputError

KEYS = {
    "keep": "the key of the song; the voice stays in tune with the accompaniment",
    "octave": "whole octaves, towards the range of the target singer; in tune with the accompaniment",
    "match": "whole semitones, towards the range of the target singer",
    "free": "the key that the model chooses, as in the paper",
}
_LEAST = 10  # voiced frames below which a recording has no range


@dataclass(frozen=True)
class Range:
    """The range of a voice in Hz: 5th percentile, median and 95th percentile of F0 over voiced frames."""

    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Shift:
    """The shift of the pitch.

    Attributes:
        semitones: shift in semitones, positive upwards; None leaves the key to the model.
        outside: fraction of the voiced frames that lie outside the range of the target singer after the shift, widened
            by three semitones on either side.
    """

    semitones: float | None
    outside: float


def find_range(f0: np.ndarray) -> Range | None:
    """Return the range of a voice, or None if fewer than 10 frames are voiced.

    Args:
        f0: (N,) in Hz, 0 where unvoiced.

    Example:
        >>> find_range(np.full(100, 220.0))
        Range(low=220.0, median=220.0, high=220.0)
    """
    voiced = f0[f0 > 0]
    if len(voiced) < _LEAST:
        return None
    low, median, high = np.percentile(voiced, [5, 50, 95])
    return Range(float(low), float(median), float(high))


def choose_shift(key: str, f0: np.ndarray, target: Range | None) -> Shift:
    """Return the shift that a key policy asks for.

    Args:
        key: one of `KEYS`.
        f0: melody of the song, (N,) in Hz, 0 where unvoiced.
        target: range of the target singer; None if it is not known.

    Returns:
        The shift. It is 0 where the range of the song or of the target singer is not known.

    Raises:
        InputError: there is no such policy.

    Example:
        >>> choose_shift("octave", np.full(100, 110.0), Range(180, 240, 400)).semitones
        12.0
    """
    if key not in KEYS:
        raise InputError(f"--key {key}: no such policy; there are {', '.join(KEYS)}")
    if key == "free":
        return Shift(None, 0.0)
    source = find_range(f0)
    if source is None or target is None:
        return Shift(0.0, 0.0)
    distance = 12 * math.log2(target.median / source.median)
    semitones = {"keep": 0.0, "octave": 12.0 * round(distance / 12), "match": float(round(distance))}[key]
    return Shift(semitones, _outside(f0[f0 > 0] * 2 ** (semitones / 12), target))


def _outside(voiced: np.ndarray, target: Range) -> float:
    """Return the fraction of frames (Hz) that are more than three semitones below or above a range."""
    margin = 2 ** (3 / 12)
    return float(np.mean((voiced < target.low / margin) | (voiced > target.high * margin)))
