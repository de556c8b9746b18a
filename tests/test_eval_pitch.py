"""The tracker on tones whose pitch is known."""

import numpy as np
import pytest

from eval.metrics.pitch import Track, cents, raw_pitch_accuracy, track

TIME = np.arange(32000) / 16000


def tone(midi: float, partials: int = 8, odd_only: bool = False) -> np.ndarray:
    f0 = 440 * 2 ** ((midi - 69) / 12)
    numbers = [k for k in range(1, partials + 1) if k * f0 < 7800 and (k % 2 or not odd_only)]
    return 0.3 * sum(np.sin(2 * np.pi * k * f0 * TIME + k) / k for k in numbers)


@pytest.mark.parametrize("midi", [21, 28, 40, 52.3, 60, 69, 81.5, 96, 104, 108])
def test_tones_over_the_whole_keyboard(midi):
    assert track(tone(midi), 16000).note() == pytest.approx(midi, abs=0.06)


@pytest.mark.parametrize("midi", [45, 60, 84])
def test_a_pure_tone_an_odd_spectrum_and_a_missing_fundamental(midi):
    assert track(tone(midi, 1), 16000).note() == pytest.approx(midi, abs=0.02)
    assert track(tone(midi, odd_only=True), 16000).note() == pytest.approx(midi, abs=0.02)
    assert track(tone(midi) - tone(midi, 1), 16000).note() == pytest.approx(midi, abs=0.05)


def test_other_sample_rates():
    time = np.arange(44100) / 44100
    assert track(np.sin(2 * np.pi * 261.6256 * time), 44100).note() == pytest.approx(60, abs=0.02)


def test_rumble_and_noise_do_not_disturb():
    noise = np.random.default_rng(0).standard_normal(len(TIME))
    disturbed = tone(60) + 0.6 * np.sin(2 * np.pi * 9 * TIME) + 0.02 * noise
    assert track(disturbed, 16000).note() == pytest.approx(60, abs=0.03)


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(0).standard_normal(len(TIME))
    assert np.isnan(track(noise, 16000).note())
    assert np.isnan(track(0 * TIME, 16000).note())


def test_quiet_frames_do_not_count():
    wave = tone(60)
    wave[16000:] = 0.001 * tone(67)[16000:]
    assert track(wave, 16000).note() == pytest.approx(60, abs=0.02)


def test_too_short_says_so():
    with pytest.raises(ValueError, match="100 samples are shorter than a frame of 2048"):
        track(np.zeros(100), 16000)


def test_cents():
    assert cents(60, 60.5) == 50
    assert np.isnan(cents(60, float("nan")))


def test_raw_pitch_accuracy_by_hand():
    """Five sounding frames: right, right within 49 cents, 51 off, an octave off, unvoiced: 2 of 5."""
    found = Track(np.array([60, 60.49, 60.51, 72, np.nan, 60]), 0.032)
    assert raw_pitch_accuracy(60, np.array([1, 1, 1, 1, 1, 0], bool), found) == pytest.approx(0.4)
    assert np.isnan(raw_pitch_accuracy(60, np.zeros(6, bool), found))
