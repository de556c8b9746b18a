"""Augments training examples; the randomness depends only on (seed, step).

Shapes: B batch, T samples.
"""

import math
from collections.abc import Sequence

import numpy as np

from data.files.audio import resample, to_float, to_pcm16

_GUARD = 2048  # additional input samples, so that the cut does not affect the resampled samples that are kept


def shift_pitch(pcm: np.ndarray, semitones: int, length: int | None = None) -> np.ndarray:
    """Return int16 PCM, (T,), played faster or slower so that its pitch moves by whole semitones.

    The duration changes with the pitch: a note held for 3 s is held for 3.4 s two semitones lower.

    Args:
        pcm: int16, (T,).
        semitones: positive for a higher pitch and faster playback, negative for the opposite.
        length: number of samples to return, T by default.

    Returns:
        int16, (length,), cut or zero-padded at the end. With 0 semitones and no padding it is a view of `pcm`.

    Example:
        >>> shift_pitch(np.zeros(64_000, np.int16), 2).shape
        (64000,)
    """
    length = len(pcm) if length is None else length
    if semitones == 0:
        return pcm[:length] if length <= len(pcm) else np.pad(pcm, (0, length - len(pcm)))
    ratio = 2 ** (semitones / 12)
    needed = pcm[: math.ceil(length * ratio) + _GUARD]
    moved = to_pcm16(resample(to_float(needed), ratio, 1.0))[:length]
    return np.pad(moved, (0, length - len(moved)))


class PitchShift:
    """Augmentation that shifts each note of a batch by a random number of semitones and updates its pitch label.

    Large shifts are drawn less often: the weight of a shift decreases linearly with its size. A note whose label would
    leave the range `lowest` to `highest` is not shifted.

    With few recorded notes per instrument, this shows a model the pitches between them. It is applied to training
    notes only, so no recording of a test (instrument, pitch) pair is used for training. But a neighbouring note that
    is shifted to the pitch of such a pair carries its label, as in the baseline that copies the nearest note.

    Args:
        semitones: shifts to draw from; include 0 to leave some notes as they are.
        lowest: lowest allowed pitch label, MIDI.
        highest: highest allowed pitch label, MIDI.

    Example:
        >>> treatment = Treatment(PitchShift([-2, -1, 0, 1, 2]))
        >>> batches = Batches(shards, rows, BatchPlan(size=32, seed=0), {"pitch": shards.column("pitch")}, treatment)
    """

    def __init__(self, semitones: Sequence[int], lowest: int = 0, highest: int = 120) -> None:
        self._semitones, self._lowest, self._highest = np.array(semitones), lowest, highest
        distance = np.abs(self._semitones)
        weights = 1 + distance.max() - distance  # a larger shift resembles a real note less
        self._shares = np.cumsum(weights) / weights.sum()

    def __call__(
        self, values: np.ndarray, heard: int, labels: dict[str, np.ndarray], draws: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Shift the notes of a batch in place and return the labels with new pitches, and "shift", int, (B,).

        Args:
            values: notes, int16, (B, T, 1).
            heard: number of samples that are used of each note; those after them are left undefined.
            labels: label columns, (B,) each, with "pitch" (MIDI) among them.
            draws: one uniform random number in [0, 1) per note, (B,).
        """
        shifts = self._semitones[np.searchsorted(self._shares, draws, side="right")]
        pitch = labels["pitch"] + shifts
        shifts = np.where((pitch >= self._lowest) & (pitch <= self._highest), shifts, 0)
        for one, shift in zip(values, shifts, strict=True):
            one[:heard, 0] = shift_pitch(one[:, 0], int(shift), heard)
        return {**labels, "pitch": labels["pitch"] + shifts, "shift": shifts}
