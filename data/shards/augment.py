"""Changes of training examples whose randomness depends on (seed, step) alone."""

import math
from collections.abc import Sequence

import numpy as np

from data.files.audio import resample, to_float, to_pcm16

_GUARD = 2048  # samples beyond what is needed, so that the resampling filter sees no end that is none


def shift_pitch(pcm: np.ndarray, semitones: int, length: int | None = None) -> np.ndarray:
    """Return the first `length` samples of int16 PCM (T,) played faster or slower by whole semitones.

    Cut or zero-padded to (length,), T by default. Speed changes with pitch: a note held 3 s is
    held 3.4 s two semitones lower.
    """
    length = len(pcm) if length is None else length
    if semitones == 0:
        return pcm[:length]
    ratio = 2 ** (semitones / 12)
    needed = pcm[: math.ceil(length * ratio) + _GUARD]
    moved = to_pcm16(resample(to_float(needed), ratio, 1.0))[:length]
    return np.pad(moved, (0, length - len(moved)))


class PitchShift:
    """Shifts each note of a batch by one of `semitones`, far ones seldom; its pitch label follows.

    Where few notes are known per instrument this shows a model the pitches between them. Only
    training notes are shifted, so no recording of a test pair is ever heard; but a neighbour moved
    to its pitch carries its label, as the nearest-pitch copy does.
    """

    def __init__(self, semitones: Sequence[int], lowest: int = 0, highest: int = 120) -> None:
        self._semitones, self._lowest, self._highest = np.array(semitones), lowest, highest
        distance = np.abs(self._semitones)
        weights = 1 + distance.max() - distance  # a note far away tells less of this one
        self._shares = np.cumsum(weights) / weights.sum()

    def __call__(
        self, values: np.ndarray, heard: int, labels: dict[str, np.ndarray], draws: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Shift the first `heard` samples of int16 `values` (B, T, 1) in place and return their labels.

        Args:
            values: notes.
            heard: samples that are wanted; what follows them is left undefined.
            labels: theirs, (B,) each, "pitch" among them.
            draws: a uniform number in [0, 1) for each note, (B,).
        """
        shifts = self._semitones[np.searchsorted(self._shares, draws, side="right")]
        pitch = labels["pitch"] + shifts
        shifts = np.where((pitch >= self._lowest) & (pitch <= self._highest), shifts, 0)
        for one, shift in zip(values, shifts, strict=True):
            one[:heard, 0] = shift_pitch(one[:, 0], int(shift), heard)
        return {**labels, "pitch": labels["pitch"] + shifts}
