"""Pitch trackers on sounds whose pitch is known: grid, ranges, silence, octave check, blocks."""

import importlib.util

import numpy as np
import pytest

from data.errors import InputError
from data.pitch import trackers
from data.pitch.autocorrelation import track_frames
from data.pitch.octaves import check_octaves
from data.pitch.trackers import AGREED_OF, JUDGE, TRACKERS, track
from data.pitch.tracks import count_in_tune
from models.conversion.config import ConversionConfig

RATE = 16_000
OPTIONAL = {"swift-f0": "swift_f0", "pesto": "pesto", "parselmouth": "parselmouth"}


def tone(hertz: np.ndarray | float, seconds: float = 1.0, partials: int = 8) -> np.ndarray:
    pitch = np.broadcast_to(np.asarray(hertz, float), (int(seconds * RATE),))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    levels = [np.where(k * pitch < 7800, 1 / k, 0) for k in range(1, partials + 1)]
    wave = sum(level * np.sin(k * phase + k) for k, level in enumerate(levels, 1))
    return (0.2 * wave + 1e-3 * np.random.default_rng(0).standard_normal(len(pitch))).astype(np.float32)


def cents(found: np.ndarray, true: np.ndarray | float) -> np.ndarray:
    return 1200 * np.log2(found / true)


@pytest.mark.parametrize("hertz", [72, 110, 261.6, 523.3, 880, 1300])
def test_the_judge_finds_the_pitch_of_low_and_high_voices(hertz: float) -> None:
    found, voicing = track(JUDGE, tone(hertz))
    assert len(found) == len(voicing) == 1 + RATE // 160
    assert voicing[3:-3].all()
    assert np.abs(cents(found[3:-3], hertz)).max() < 5


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_follows_a_vibrato_on_the_same_grid(name: str) -> None:
    if name in OPTIONAL and importlib.util.find_spec(OPTIONAL[name]) is None:
        pytest.skip("package not installed")
    if name == "crepe-full":
        pytest.skip("the same code as crepe-tiny, with a network that takes seconds")
    time = np.arange(RATE) / RATE
    pitch = 220 * 2 ** (0.5 * np.sin(2 * np.pi * 5 * time) / 12)
    wave = tone(pitch)
    wave[12_000:] = 0
    found, voicing = track(name, wave)
    assert found.dtype == voicing.dtype == np.float32
    assert len(found) == 101
    assert (voicing == (found > 0)).all()
    assert voicing[8:70].mean() > 0.95
    assert not voicing[82:].any()
    true = pitch[np.minimum(np.arange(101) * 160, RATE - 1)]
    middle = np.flatnonzero(voicing[:70])[8:]
    # A shift of one frame would show as 15 cents on the slopes of the vibrato. PESTO's bins are 33 cents wide.
    assert np.median(np.abs(cents(found[middle], true[middle]))) < (13 if name == "pesto" else 9)
    assert track(name, wave[:100])[0].shape == (1,)


def test_guesses_are_negative_and_hold_the_pitch() -> None:
    wave = 0.3 * tone(220) * np.where(np.arange(RATE) < 8000, 1, 0.02)
    plain, _ = track(JUDGE, wave)
    found, voicing = track(JUDGE, wave, guesses=True)
    quiet = slice(60, 95)
    assert not plain[quiet].any()
    assert not voicing[quiet].any()
    assert np.abs(cents(-found[quiet], 220)).max() < 20
    assert (found[voicing > 0] == plain[voicing > 0]).all()


def test_other_rates_are_resampled_and_silence_is_unvoiced() -> None:
    time = np.arange(44_100) / 44_100
    found, _ = track(JUDGE, np.sin(2 * np.pi * 300 * time).astype(np.float32), 44_100)
    assert len(found) == 101
    assert np.abs(cents(found[5:-5], 300)).max() < 3
    for wave in (np.zeros(RATE), np.zeros(0), 0.1 * np.ones(RATE)):
        assert not track(JUDGE, wave)[1].any()
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    assert track(JUDGE, noise)[1].mean() < 0.1


def test_the_judge_prefers_neither_octave() -> None:
    weak = tone(200, partials=1) * 0.1 + tone(400, partials=6)  # the fundamental is 20 dB down: still 200 Hz
    weak += (0.05 * np.sin(2 * np.pi * 600 * np.arange(RATE) / RATE)).astype(np.float32)
    found, _ = track(JUDGE, weak)
    assert np.median(np.abs(cents(found[5:-5], 200))) < 10
    assert np.abs(cents(track(JUDGE, tone(400))[0][5:-5], 400)).max() < 5


def test_long_recordings_are_tracked_in_blocks_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(wave: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(wave))
        found = wave[::160][: 1 + len(wave) // 160]
        found = np.pad(found, (0, 1 + len(wave) // 160 - len(found)))
        return found, found

    monkeypatch.setattr(trackers, "_BLOCK", 50)
    monkeypatch.setattr(trackers, "_MARGIN", 10)
    wave = np.arange(1, 160 * 333 + 1, dtype=np.float32)
    found, _ = trackers._in_blocks(run)(wave)
    np.testing.assert_array_equal(found, np.append(wave[::160], 0))
    assert len(asked) == 7
    assert max(asked) == 70 * 160
    long = tone(220, 3)
    whole, _ = track_frames(long, RATE, 160, 65, 1400)
    monkeypatch.setattr("data.pitch.autocorrelation._BLOCK", 64)
    np.testing.assert_array_equal(track_frames(long, RATE, 160, 65, 1400)[0], whole)


@pytest.mark.parametrize(
    ("true", "tracked", "halved", "doubled"),
    [(1200, 1200, 0, 0), (1200, 600, 0, 101), (600, 1200, 101, 0), (600, 600, 0, 0), (400, 400, 0, 0)],
)
def test_octave_errors_above_1_khz_are_corrected(true: float, tracked: float, halved: int, doubled: int) -> None:
    found = check_octaves(tone(true), np.full(101, tracked))
    assert (int(found.halved.sum()), int(found.doubled.sum())) == (halved, doubled)
    np.testing.assert_allclose(found.hertz, true)
    assert found.high == (101 if true > 1000 else 0)


def test_octave_check_keeps_unvoiced_frames_and_refuses_wrong_lengths() -> None:
    pitch = np.zeros(101)
    pitch[40:60] = 1200
    found = check_octaves(tone(600), pitch)
    assert not found.hertz[:40].any()
    np.testing.assert_allclose(found.hertz[40:60], 600)
    with pytest.raises(InputError, match="102 frames"):
        check_octaves(tone(600), np.zeros(102))


def test_wrong_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="choose one of pyin"):
        track("best", np.zeros(100))
    for wave in (np.zeros((100, 2)), np.array([0.0, np.nan])):
        with pytest.raises(InputError, match="finite mono waveform"):
            track(JUDGE, wave)
    monkeypatch.setitem(__import__("sys").modules, "parselmouth", None)
    with pytest.raises(InputError, match=r"tessitura\[trackers\]"):
        track("parselmouth", np.zeros(RATE))


def test_judge_and_targets_are_different_trackers() -> None:
    assert {JUDGE, ConversionConfig().tracker} <= set(TRACKERS)
    assert ConversionConfig().tracker not in (JUDGE, "median")
    assert JUDGE not in AGREED_OF


def test_two_trackers_agree_on_a_tone_and_not_on_noise_and_guesses_stay():
    wave = np.concatenate([tone(220), np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)])
    pytest.importorskip("parselmouth")
    hertz, voicing = track("agreed", wave, guesses=True)
    middle = len(tone(220)) // 160
    assert voicing[5 : middle - 5].mean() > 0.95
    assert np.abs(cents(hertz[5 : middle - 5][voicing[5 : middle - 5] > 0], 220)).max() < 20
    assert voicing[middle + 5 :].mean() < 0.1
    alone, _ = track("pyin", wave, guesses=True)
    assert np.allclose(np.abs(hertz), np.abs(alone))


def test_frames_in_tune_by_hand():
    up = 2 ** (49 / 1200)
    reference = np.array([100, 100, 100, 0, 100.0])
    assert count_in_tune(reference, np.array([100 * up, 100 * up**2, 0, 100, 50.0])) == (1, 4)
    assert count_in_tune(reference, np.array([100.0, 100.0])) == (2, 2)
    assert count_in_tune(np.zeros(3), np.ones(3)) == (0, 0)
