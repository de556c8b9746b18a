"""Changes of training examples whose randomness depends on (seed, step) alone."""

from collections.abc import Sequence

import numpy as np

from data.audio import resample, to_float, to_pcm16


def shift_pitch(pcm: np.ndarray, semitones: int) -> np.ndarray:
    """Return int16 PCM (T,) played faster or slower by whole semitones, cut or zero-padded to (T,).

    Speed changes with pitch: a note held 3 s is held 3.4 s two semitones lower.
    """
    if semitones == 0:
        return pcm
    ratio = 2 ** (semitones / 12)
    moved = to_pcm16(resample(to_float(pcm), ratio, 1.0))[: len(pcm)]
    return np.pad(moved, (0, len(pcm) - len(moved)))


class PitchShift:
    """Shifts each note of a batch by one of `semitones`; its pitch label follows.

    Where few notes are known per instrument this shows a model the pitches between them. Only
    training notes are shifted, so no recording of a test pair is ever heard; but a neighbour moved
    to its pitch carries its label, as the nearest-pitch copy does.
    """

    def __init__(self, semitones: Sequence[int], lowest: int = 0, highest: int = 120) -> None:
        self._semitones, self._lowest, self._highest = list(semitones), lowest, highest

    def __call__(self, values: np.ndarray, labels: dict[str, np.ndarray], draws: np.ndarray) -> dict[str, np.ndarray]:
        """Shift int16 `values` (B, T, 1) in place and return their labels.

        Args:
            values: notes.
            labels: theirs, (B,) each, "pitch" among them.
            draws: a uniform number in [0, 1) for each note, (B,).
        """
        shifts = np.array(self._semitones)[(draws * len(self._semitones)).astype(int)]
        pitch = labels["pitch"] + shifts
        shifts = np.where((pitch >= self._lowest) & (pitch <= self._highest), shifts, 0)
        for one, shift in zip(values, shifts, strict=True):
            one[:, 0] = shift_pitch(one[:, 0], int(shift))
        return {**labels, "pitch": labels["pitch"] + shifts}
