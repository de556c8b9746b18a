"""The specific loudness error hears what people hear and nothing else."""

import numpy as np
import pytest

from eval.metrics.hearing import specific_loudness_error

RATE = 16_000


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """Two seconds of a sung tone with vibrato, -20 dBFS, whose second half is digital silence."""
    time = np.arange(RATE) / RATE
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (np.sin(2 * np.pi * 5.5 * time) / 24)) / RATE
    tone = sum(np.sin(k * phase) / k for k in range(1, 20))
    tone *= 0.1 / np.sqrt(np.square(tone).mean())
    return np.concatenate([tone, np.zeros(RATE)])


def noise(decibels: float, count: int, seed: int = 0) -> np.ndarray:
    return 10 ** (decibels / 20) * np.random.default_rng(seed).standard_normal(count)


def test_the_same_sound_has_no_error_and_silence_has_all(voice):
    assert specific_loudness_error(voice, voice, RATE) == 0
    assert specific_loudness_error(voice, 0 * voice, RATE) == 1


def test_nobody_hears_polarity_and_hardly_anybody_2_ms(voice):
    assert specific_loudness_error(voice, -voice, RATE) == 0
    assert specific_loudness_error(voice, np.roll(voice, 32), RATE) < 0.1


def test_soft_hiss_in_a_pause_is_not_worse_than_a_loud_error_in_the_voice(voice):
    """Distances of log spectra say the opposite: 3.3 for the hiss, 0.9 for the error."""
    hiss = voice + noise(-66, len(voice))
    wrong = voice + np.where(voice == 0, 0, noise(-23, len(voice)))  # 3 dB of SDR, exact silence
    assert specific_loudness_error(voice, hiss, RATE) < 0.1
    assert specific_loudness_error(voice, wrong, RATE) > 5 * specific_loudness_error(voice, hiss, RATE)


def test_the_louder_the_noise_the_larger_the_error(voice):
    found = [
        specific_loudness_error(voice, voice + noise(level, len(voice)), RATE) for level in (-90, -70, -50, -30, -10)
    ]
    assert found == sorted(found)
    assert found[0] < 0.005
    assert found[-1] > 1


def test_a_level_error_counts_as_the_loudness_that_is_missing(voice):
    """Ten dB less are about half as loud."""
    assert specific_loudness_error(voice, 10 ** (-10 / 20) * voice, RATE) == pytest.approx(0.5, abs=0.08)
    assert specific_loudness_error(voice, 0.98 * voice, RATE) < 0.02


def test_silence_around_a_sound_changes_nothing(voice):
    estimate = voice + np.where(voice == 0, 0, noise(-40, len(voice)))
    around = np.zeros(3 * RATE)
    longer = [np.concatenate([around, one, around]) for one in (voice, estimate)]
    assert specific_loudness_error(*longer, RATE) == pytest.approx(
        specific_loudness_error(voice, estimate, RATE), rel=0.01
    )


def test_neither_level_nor_rate_of_the_recording_matters_much(voice):
    estimate = voice + noise(-40, len(voice))
    here = specific_loudness_error(voice, estimate, RATE)
    assert specific_loudness_error(0.1 * voice, 0.1 * estimate, RATE) == pytest.approx(here, rel=1e-4)
    twice = [np.fft.irfft(np.pad(np.fft.rfft(one), (0, len(one) // 2)), 2 * len(one)) * 2 for one in (voice, estimate)]
    assert specific_loudness_error(*twice, 2 * RATE) == pytest.approx(here, rel=0.1)


def test_what_a_louder_neighbour_masks_counts_less():
    """A soft tone half an octave above a loud one, and the same tone below it, where it is masked less."""
    time = np.arange(RATE) / RATE
    loud = 0.2 * np.sin(2 * np.pi * 1000 * time)
    above, below = (loud + 0.004 * np.sin(2 * np.pi * hertz * time) for hertz in (1200, 500))
    assert specific_loudness_error(loud, above, RATE) < 0.5 * specific_loudness_error(loud, below, RATE)


def test_a_silent_reference_has_no_error_and_bad_sounds_are_refused(voice):
    assert np.isnan(specific_loudness_error(0 * voice, voice, RATE))
    with pytest.raises(ValueError, match="differ in shape"):
        specific_loudness_error(voice, voice[:-1], RATE)
    with pytest.raises(ValueError, match="mono sounds of more than 512"):
        specific_loudness_error(voice[:512], voice[:512], RATE)
    with pytest.raises(ValueError, match="mono sounds"):
        specific_loudness_error(voice[None], voice[None], RATE)
    with pytest.raises(ValueError, match="NaN or infinite"):
        specific_loudness_error(voice, voice * np.nan, RATE)
