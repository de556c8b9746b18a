"""Dynamic time warping, mel cepstra and the distances made of them, against hand values and a plain computation."""

import numpy as np
import pytest

from eval.metrics.mcd import METRICS, cepstra, timbre_distances
from eval.metrics.warping import warp

RATE = 16_000


def vowel(hertz: float, seconds: float = 0.6, centre: float = 700) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    partials = [k * hertz for k in range(1, int(7500 // hertz))]
    wave = sum(np.exp(-np.square((one - centre) / 500)) * np.sin(2 * np.pi * one * time) for one in partials)
    return 0.1 * np.asarray(wave) + 1e-4 * np.random.default_rng(1).standard_normal(len(time))


def test_the_path_of_a_small_case_is_the_one_by_hand() -> None:
    found = warp(np.array([[0.0], [1.0], [5.0]]), np.array([[0.0], [0.0], [1.0], [4.0]]))
    assert found.path.tolist() == [[0, 0], [0, 1], [1, 2], [2, 3]]
    assert found.cost == 1
    assert found.onto_reference().tolist() == [0, 2, 3]


def plain(costs: np.ndarray) -> float:
    total = np.full((costs.shape[0] + 1, costs.shape[1] + 1), np.inf)
    total[0, 0] = 0
    for i, row in enumerate(costs, 1):
        for j, cost in enumerate(row, 1):
            total[i, j] = cost + min(total[i - 1, j - 1], total[i - 1, j], total[i, j - 1])
    return float(total[-1, -1])


@pytest.mark.parametrize(("rows", "columns"), [(300, 290), (1, 1), (1, 6), (6, 1), (17, 23), (40, 31)])
def test_warping_costs_as_much_as_the_textbook_one(rows: int, columns: int) -> None:
    draw = np.random.default_rng(rows)
    first, second = draw.standard_normal((rows, 3)), draw.standard_normal((columns, 3))
    found = warp(first, second)
    costs = np.linalg.norm(first[:, None] - second[None], axis=2)
    assert found.cost == pytest.approx(plain(costs))
    assert costs[tuple(found.path.T)].sum() == pytest.approx(found.cost)
    steps = np.diff(found.path, axis=0)
    assert found.path[0].tolist() == [0, 0]
    assert found.path[-1].tolist() == [rows - 1, columns - 1]
    assert {tuple(one) for one in steps.tolist()} <= {(0, 1), (1, 0), (1, 1)}


def test_a_band_bounds_the_path() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.standard_normal((60, 2)), draw.standard_normal((90, 2))
    narrow, wide = warp(first, second, 4), warp(first, second)
    away = np.abs(narrow.path[:, 1] - narrow.path[:, 0] * 89 / 59)
    inner = (narrow.path[:, 0] > 4) & (narrow.path[:, 0] < 55)
    assert away[inner].max() <= 4.5  # the line is rounded to frames
    assert away.max() <= 8
    assert narrow.cost > wide.cost
    assert warp(first, second, 1000).cost == pytest.approx(wide.cost)


def test_sequences_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="features"):
        warp(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="without frames"):
        warp(np.zeros((0, 2)), np.zeros((3, 2)))


def test_cepstra_are_the_coefficients_of_a_cosine_sum() -> None:
    band = np.arange(40) + 0.5
    bands = 3 + 0.7 * np.cos(np.pi * 5 * band / 40) - 0.2 * np.cos(np.pi * 24 * band / 40)
    expected = np.zeros(25)
    expected[[0, 5, 24]] = 6, 0.7, -0.2
    np.testing.assert_allclose(cepstra(bands[None], 0)[0], expected, atol=1e-12)
    # A difference that lies in coefficients 1 to 24 has the same root mean square in dB over the bands.
    level = np.sqrt(np.mean(np.square((bands - 3) * 20 / np.log(10))))
    assert 10 / np.log(10) * np.sqrt(2 * np.square(cepstra(bands[None])).sum()) == pytest.approx(level)


def test_level_is_gain_and_nothing_else() -> None:
    voice = vowel(220)
    found = timbre_distances(voice, 0.5 * voice)
    assert found["gain_db"] == pytest.approx(-6.0206, abs=1e-3)
    assert found["mel_db"] == pytest.approx(6.0206, abs=1e-3)
    assert found["loudness_db"] == pytest.approx(0, abs=1e-6)
    assert max(found["mcd"], found["mcd_dtw"]) < 1e-3


def test_a_delay_is_undone_by_warping_and_another_vowel_is_not() -> None:
    first, other = vowel(220), vowel(220, centre=2200)
    song, late = np.concatenate([first, other]), np.concatenate([first, first[:1600], other])
    found = timbre_distances(song, late)
    assert found["mcd_dtw"] < 0.3 * found["mcd"]
    assert timbre_distances(first, other)["mcd_dtw"] > 5


def test_silence_is_not_applicable_and_short_sound_is_padded() -> None:
    found = timbre_distances(vowel(220), np.zeros(8000))
    assert set(found) == set(METRICS)
    assert all(np.isnan(one) for one in found.values())
    assert np.isfinite(list(timbre_distances(vowel(220)[:500], vowel(220)[:300]).values())).all()
    assert timbre_distances(vowel(220), vowel(220), 16_000)["mcd_dtw"] == 0


def test_other_rates_are_resampled() -> None:
    time = np.arange(24_000) / 48_000
    wave = sum(np.sin(2 * np.pi * 200 * k * time) / k for k in range(1, 20)) * 0.1
    assert timbre_distances(wave, wave, 48_000)["mcd"] == 0
