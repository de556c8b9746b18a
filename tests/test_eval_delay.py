"""The delay of an estimate is found, and not guessed where there is nothing to find."""

import numpy as np
import pytest

from eval.metrics.delay import best_lag

RATE = 8000


def noise(seed: int, seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((int(seconds * RATE), 2))


@pytest.mark.parametrize("samples", [0, 1, -1, 344, -344, 800])
def test_a_delay_is_found_under_noise(samples):
    true = noise(0)
    late = np.roll(true, samples, axis=0) + 0.5 * noise(1)
    assert best_lag(true, late, RATE) == pytest.approx(1000 * samples / RATE)


def test_a_delay_of_more_than_a_tenth_of_a_second_is_not_found():
    true = noise(0)
    assert np.isnan(best_lag(true, np.roll(true, 900, axis=0), RATE))


def test_a_periodic_sound_is_where_it_is():
    """A tone of 200 Hz fits nearly as well 5 ms later."""
    tone = np.sin(2 * np.pi * 200 * np.arange(2 * RATE) / RATE)[:, None]
    assert best_lag(tone, tone + 0.1 * noise(1)[:, :1], RATE) == 0


def test_level_does_not_make_a_delay():
    true = noise(0)
    assert best_lag(true, 0.1 * true, RATE) == 0


def test_nothing_in_common_has_no_delay():
    assert np.isnan(best_lag(noise(0), noise(1), RATE))
    for pair in ((noise(0), 0 * noise(0)), (0 * noise(0), noise(0))):
        assert np.isnan(best_lag(*pair, RATE))
    with pytest.raises(ValueError, match="differ in shape"):
        best_lag(noise(0), noise(0)[1:], RATE)
