"""Shifted notes sound as high as their new label says."""

import numpy as np
import pytest
from tiny import sine_note

from data.augment import PitchShift, shift_pitch


def peak_hertz(pcm: np.ndarray) -> float:
    window = np.hanning(16000)
    return float(np.abs(np.fft.rfft(pcm[:16000] * window, 1 << 18)).argmax() * 16000 / (1 << 18))


@pytest.mark.parametrize("semitones", [-12, -2, -1, 0, 1, 2, 12])
def test_a_shift_moves_the_pitch_and_keeps_the_length(semitones):
    shifted = shift_pitch(sine_note(2, 69, 25), semitones)
    assert shifted.shape == (64000,)
    assert shifted.dtype == np.int16
    assert 1200 * np.log2(peak_hertz(shifted) / 440) == pytest.approx(100 * semitones, abs=2)


def test_a_batch_is_shifted_by_its_draws_and_labelled_so():
    values = np.stack([sine_note(2, 60, 25), sine_note(2, 60, 25), sine_note(2, 60, 25)])[..., None]
    labels = {"pitch": np.array([60, 60, 60]), "instrument": np.array([2, 2, 2])}
    changed = PitchShift([-1, 0, 1])(values, labels, np.array([0.1, 0.5, 0.9]))
    assert changed["pitch"].tolist() == [59, 60, 61]
    assert changed["instrument"].tolist() == [2, 2, 2]
    assert labels["pitch"].tolist() == [60, 60, 60]
    for one, pitch in zip(values, changed["pitch"], strict=True):
        assert 69 + 12 * np.log2(peak_hertz(one[:, 0]) / 440) == pytest.approx(pitch, abs=0.05)


def test_no_note_leaves_the_range_of_labels():
    values = np.stack([sine_note(2, 60, 25)] * 2)[..., None]
    changed = PitchShift([-2, 2], lowest=60, highest=61)(values, {"pitch": np.array([60, 60])}, np.array([0.0, 0.9]))
    assert changed["pitch"].tolist() == [60, 60]
    np.testing.assert_array_equal(values[0], values[1])
