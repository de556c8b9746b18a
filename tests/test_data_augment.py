"""Shifted notes sound as high as their new label says."""

import numpy as np
import pytest
from tiny import sine_note

from data.shards.augment import PitchShift, shift_pitch


def peak_hertz(pcm: np.ndarray) -> float:
    window = np.hanning(16000)
    return float(np.abs(np.fft.rfft(pcm[:16000] * window, 1 << 18)).argmax() * 16000 / (1 << 18))


@pytest.mark.parametrize("semitones", [-12, -2, -1, 0, 1, 2, 12])
def test_a_shift_moves_the_pitch_and_keeps_the_length(semitones):
    shifted = shift_pitch(sine_note(2, 69, 25), semitones)
    assert shifted.shape == (64000,)
    assert shifted.dtype == np.int16
    assert 1200 * np.log2(peak_hertz(shifted) / 440) == pytest.approx(100 * semitones, abs=2)


@pytest.mark.parametrize("semitones", [-2, 0, 2])
def test_the_beginning_of_a_shifted_note_is_that_of_the_whole(semitones):
    note = sine_note(2, 69, 25)
    difference = shift_pitch(note, semitones).astype(int)[:20000] - shift_pitch(note, semitones, 20000)
    assert abs(difference).max() <= 1


def test_a_batch_is_shifted_by_its_draws_and_labelled_so():
    values = np.stack([sine_note(2, 60, 25), sine_note(2, 60, 25), sine_note(2, 60, 25)])[..., None]
    labels = {"pitch": np.array([60, 60, 60]), "instrument": np.array([2, 2, 2])}
    changed = PitchShift([-1, 0, 1])(values, 64000, labels, np.array([0.1, 0.5, 0.9]))
    assert changed["pitch"].tolist() == [59, 60, 61]
    assert changed["instrument"].tolist() == [2, 2, 2]
    assert labels["pitch"].tolist() == [60, 60, 60]
    for one, pitch in zip(values, changed["pitch"], strict=True):
        assert 69 + 12 * np.log2(peak_hertz(one[:, 0]) / 440) == pytest.approx(pitch, abs=0.05)


def test_far_shifts_are_seldom():
    draws = (np.arange(900) + 0.5) / 900
    pitches = np.full(900, 60)
    changed = PitchShift([-2, -1, 0, 1, 2])(np.zeros((900, 8, 1), np.int16), 8, {"pitch": pitches}, draws)["pitch"]
    assert np.unique(changed, return_counts=True)[1].tolist() == [100, 200, 300, 200, 100]


def test_no_note_leaves_the_range_of_labels():
    values = np.stack([sine_note(2, 60, 25)] * 2)[..., None]
    changed = PitchShift([-2, 2], lowest=60, highest=61)(
        values, 64000, {"pitch": np.array([60, 60])}, np.array([0.0, 0.9])
    )
    assert changed["pitch"].tolist() == [60, 60]
    np.testing.assert_array_equal(values[0], values[1])
