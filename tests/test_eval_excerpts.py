"""Excerpts of a report: worst, typical and best items, from the right place, as loud as told, in a small page."""

import io

import numpy as np
import pytest
import soundfile

from eval.metrics.waveform import loudness
from eval.report.blocks import Clip
from eval.report.excerpts import extent, matched, most_energy, picks, player

RATE = 16_000
TONE = np.sin(np.arange(RATE) / 3).astype(np.float32)


@pytest.mark.parametrize("wave", [TONE, TONE[:, None], np.stack([TONE, 0.3 * TONE], 1)])
def test_sound_is_never_raised_to_clipping_nor_silence_to_noise(wave):
    level = loudness(wave * 0.1, RATE)
    played, gain = matched(wave * 0.02, level, RATE)
    assert gain == pytest.approx(20 * np.log10(5), abs=0.01)
    assert loudness(played, RATE) == pytest.approx(level, abs=0.01)
    assert matched(wave * 0.001, level, RATE)[1] == 20.0
    peaky = wave * 0.01
    peaky[5] = 0.5
    played, gain = matched(peaky, level, RATE)
    assert np.abs(played).max() == pytest.approx(1.0)
    assert gain == pytest.approx(20 * np.log10(2))
    assert np.abs(matched(wave * 1.5, loudness(wave * 1.5, RATE), RATE)[0]).max() == pytest.approx(1.0)
    assert matched(wave * 0, level, RATE)[1] == 0.0
    assert matched(wave[:100] * 0.5, level, RATE)[1] == 0.0


def test_a_player_is_as_loud_as_told_and_empty_without_a_sound():
    level = loudness(TONE * 0.1, RATE)
    found = player("Mixture", TONE[:, None] * 0.05, level, RATE, ["shift +300 cents"])
    assert found.figures == "level\u00a0+6.0\u00a0dB; shift\u00a0+300\u00a0cents"
    played, rate = soundfile.read(io.BytesIO(found.sound or b""))
    assert (rate, played.shape) == (RATE, (RATE,))
    np.testing.assert_allclose(played, 0.1 * TONE, atol=1e-3)
    assert found.spectrogram.startswith(b"\x89PNG")
    assert player("Mixture", None, level, RATE) == Clip("Mixture", None)
    assert player("Mixture", TONE[:1023, None], level, RATE) == Clip("Mixture", None)


def test_where_most_energy_is():
    power = np.zeros(100)
    power[10], power[60:64] = 3.0, 2.0
    assert most_energy(power, 10) in range(54, 61)
    assert most_energy(power, 1) == 10
    assert most_energy(power, 1000) == most_energy(power, 100) == 0
    assert most_energy(np.zeros(5), 2) == 0


@pytest.mark.parametrize(
    ("items", "count", "expected"),
    [
        (10, 5, ["ab", "ef", "j"]),
        (3, 9, ["a", "b", "c"]),
        (2, 9, ["a", "b", ""]),
        (1, 3, ["a", "", ""]),
        (0, 3, ["", "", ""]),
    ],
)
def test_worst_typical_and_best_are_never_the_same(items, count, expected):
    found = picks("abcdefghij"[:items], count, "songs", "uSDR")
    assert list(found) == ["Worst songs first, by uSDR", "Typical songs", "Best songs first, by uSDR"]
    assert ["".join(one) for one in found.values()] == expected


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (24_000, 2), (44_100, 2), (96_000, 2)])
def test_the_page_stays_small_at_any_rate(rate, channels):
    found = extent(6, 8.0, rate, channels)
    assert 3 <= found.rows <= 9
    assert found.rows * 6 * found.seconds * rate * channels * 2 * 4 / 3 < 15.1e6
    assert 1.5 < found.seconds <= 8
