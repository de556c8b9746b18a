"""Cuts recordings at silences into slices of 1 to 20 s that together cover everything.

Nothing is left out: a cut is a point, so breaths, low notes and fades stay with the phrase on one of its sides. Cuts
are chosen together, by dynamic programming: each costs the loudness at its place, and each slice costs its distance
from a preferred length, which is small beside the cost of a cut through a note.

Shapes: T samples, S steps of 100 ms.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from data.voices.index import HOP, RATE

STEP = RATE // 10  # samples between possible cuts; a multiple of the hop of the melody grid
assert STEP % HOP == 0
_AROUND = RATE // 5  # samples over which the loudness at a cut is measured
_FLOOR_DB = -60.0  # loudness relative to the loudest place, below which all places are equally silent


@dataclass(frozen=True)
class Slicing:
    """How long slices are.

    Attributes:
        least: length in seconds of the shortest slice; a shorter recording is one slice.
        most: length in seconds of the longest slice.
        preferred: length in seconds that slices have where silences allow it.
        whole: length in seconds up to which a recording is not cut.
    """

    least: float = 1.0
    most: float = 20.0
    preferred: float = 8.0
    whole: float = 14.0


def cut(wave: np.ndarray, slicing: Slicing = Slicing()) -> list[tuple[int, int]]:
    """Return slices of a recording at 16 kHz, as pairs (first sample, sample after the last).

    Each slice begins where the one before it ends, at a multiple of 160 samples; the first begins at 0 and the last one
    ends with the recording.

    Args:
        wave: float, (T,), T at least 1.
        slicing: lengths of slices.

    Raises:
        ValueError: the longest slice is not at least twice as long as the shortest one.

    Example:
        >>> cut(np.zeros(10 * 16_000, np.float32))
        [(0, 160000)]
    """
    if slicing.most < 2 * slicing.least:
        raise ValueError(f"slices of {slicing.least} to {slicing.most} s: the longest must be twice the shortest")
    samples = len(wave)
    if samples <= slicing.whole * RATE:
        return [(0, samples)]
    places = _best_cuts(_loudness(wave), samples / STEP, slicing)
    edges = [0, *(STEP * one for one in places), samples]
    return list(itertools.pairwise(edges))


def _loudness(wave: np.ndarray) -> np.ndarray:
    """Return the loudness at each possible cut, (S + 1,): 0 for silence, 1 for the loudest place of the recording."""
    power = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
    centres = np.arange(len(wave) // STEP + 1) * STEP
    first, last = np.maximum(centres - _AROUND // 2, 0), np.minimum(centres + _AROUND // 2, len(wave))
    mean = np.maximum(power[last] - power[first], 0.0) / np.maximum(last - first, 1)
    decibels = 10 * np.log10(np.maximum(mean, 1e-12) / max(mean.max(), 1e-12))
    return 1 - np.maximum(decibels, _FLOOR_DB) / _FLOOR_DB


def _best_cuts(loudness: np.ndarray, length: float, slicing: Slicing) -> list[int]:
    """Return the cuts of least total cost, in steps; `length` is that of the recording in steps."""
    least, most = (int(np.ceil(slicing.least * RATE / STEP)), int(slicing.most * RATE / STEP))
    preferred = slicing.preferred * RATE / STEP
    count = len(loudness)
    cost, came = np.full(count, np.inf), np.zeros(count, int)
    cost[0] = 0.0
    for place in range(least, count):
        starts = np.arange(max(0, place - most), place - least + 1)
        total = cost[starts] + 0.1 * np.square((place - starts) / preferred - 1)
        best = int(total.argmin())
        cost[place], came[place] = total[best] + np.square(loudness[place]), starts[best]
    starts = np.arange(max(0, int(np.ceil(length)) - most), int(length) - least + 1)
    total = cost[starts] + 0.1 * np.square((length - starts) / preferred - 1)
    place, found = int(starts[total.argmin()]), []
    while place > 0:
        found.append(place)
        place = int(came[place])
    return found[::-1]
