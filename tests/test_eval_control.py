"""Timbre, votes and ways on sounds whose answer is known."""

import numpy as np
import pytest
from tiny import sine_note

from data.files.audio import to_float
from eval.synthesis.disentanglement import InstrumentClassifier, in_tune, pitch_error_cents, timbre, way


def note(instrument: int, pitch: int = 60) -> np.ndarray:
    return to_float(sine_note(instrument, pitch, 25))


def test_timbre_does_not_depend_on_level_but_on_the_instrument():
    here, softer, other = (timbre(one, 16000) for one in (note(0), 0.3 * note(0), note(6)))
    assert here.shape == (36,)
    assert np.linalg.norm(softer - here) < 0.1 * np.linalg.norm(other - here)


def test_the_vote_knows_instruments_it_has_heard():
    pitches = range(55, 70)
    heard = np.array([timbre(note(one, pitch), 16000) for one in (0, 6) for pitch in pitches])
    vote = InstrumentClassifier(heard, [0] * len(pitches) + [6] * len(pitches))
    new = np.array([timbre(note(0, 71), 16000), timbre(note(6, 54), 16000)])
    assert vote.hits(new, [0, 6]).tolist() == [True, True]
    assert vote.hits(new, [6, 0]).tolist() == [False, False]


def test_following_the_pitch_is_signed_and_silence_follows_nothing():
    assert pitch_error_cents(note(0, 61), 60, 16000) == pytest.approx(100, abs=1)
    assert pitch_error_cents(note(0, 59), 60, 16000) == pytest.approx(-100, abs=1)
    errors = np.array([49.0, -51.0, np.nan])
    assert in_tune(errors).tolist() == [True, False, False]
    assert np.isnan(pitch_error_cents(0 * note(0), 60, 16000))


def test_a_cross_fade_is_a_steady_way_at_one_pitch():
    weights = [0.0, 0.25, 0.5, 0.75, 1.0]
    found = way(np.stack([(1 - w) * note(0) + w * note(6) for w in weights]), weights, 60, 16000)
    assert (found.progress[0], found.progress[-1]) == (0.0, pytest.approx(1.0))
    assert found.monotonicity == pytest.approx(1.0)
    assert found.pitch_error < 2


def test_a_way_that_loses_its_pitch_says_so():
    waves = np.stack([note(0), 0 * note(0) + 1e-9, note(6)])
    assert np.isnan(way(waves, [0, 0.5, 1], 60, 16000).pitch_error)
