"""Spectral and waveform metrics against published and hand-computed values."""

import numpy as np
import pytest

from eval.metrics.spectral import log_power_l1, multi_resolution
from eval.metrics.waveform import l1, loudness, loudness_error, mse

TIME = np.arange(65024) / 16000
TONE = (0.5 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)
OTHERS = {
    "phase": 0.5 * np.sin(2 * np.pi * 440 * TIME + 1),
    "semitone": 0.5 * np.sin(2 * np.pi * 466.16 * TIME),
    "silence": 0 * TIME,
    "softer": 0.9 * TONE,
}


@pytest.mark.parametrize(
    ("other", "spectral", "squared", "absolute"),
    [
        ("phase", 0.000002, 0.114922, 0.305209),
        ("semitone", 0.062337, 0.249644, 0.404924),
        ("silence", 0.063489, 0.124994, 0.318292),
        ("softer", 0.002388, 0.001250, 0.031829),
    ],
)
def test_the_values_of_the_reference_code(other, spectral, squared, absolute):
    estimate = OTHERS[other].astype(np.float32)
    assert log_power_l1(TONE, estimate, margin=0) == pytest.approx(spectral, abs=1.5e-6)
    assert mse(TONE, estimate) == pytest.approx(squared, abs=1e-6)
    assert l1(TONE, estimate) == pytest.approx(absolute, abs=1e-6)


def test_a_batch_is_scored_item_by_item():
    others = np.stack(list(OTHERS.values())).astype(np.float32)
    references = np.broadcast_to(TONE, others.shape)
    for metric in (log_power_l1, multi_resolution, mse, l1):
        expected = [metric(TONE, one) for one in others]
        np.testing.assert_allclose(metric(references, others), expected, rtol=1e-4, atol=1e-7)


def test_the_margin_counts_as_silence_around_the_note():
    short = TONE[:64000]
    padded = np.pad(short, 512)
    assert log_power_l1(short, 0 * short) == pytest.approx(float(log_power_l1(padded, 0 * padded, margin=0)))


def test_multi_resolution_by_hand():
    """Half the amplitude: convergence 0.5 and log distance ln 2 wherever the spectrum is above its floor."""
    noise = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.1
    assert multi_resolution(noise, noise / 2) == pytest.approx(0.5 + np.log(2), rel=1e-3)
    assert multi_resolution(noise, noise) == 0
    assert np.isnan(multi_resolution(0 * noise, noise))


def test_digital_silence_does_not_rule_the_multi_resolution_distance():
    """Faint hiss on an exact voice that pauses is nearer than a voice with half as much noise as sound."""
    draw = np.random.default_rng(0)
    voice = TONE * (1 + 0.5 * np.sin(2 * np.pi * 3 * TIME)) + 0.1 * np.sin(2 * np.pi * 1320 * TIME)
    voice = np.where(np.arange(len(TIME)) < len(TIME) // 2, voice, 0).astype(np.float32)
    hiss = voice + 10 ** (-66 / 20) * draw.standard_normal(len(voice))
    noisy = voice + np.where(voice != 0, draw.standard_normal(len(voice)) * voice.std() * 2**0.5 * 10 ** (-3 / 20), 0)
    assert multi_resolution(voice, hiss) < 0.7 * multi_resolution(voice, noisy)


def test_the_multi_resolution_distance_follows_the_level_of_the_reference():
    draw = np.random.default_rng(0)
    noisy = TONE + 0.01 * draw.standard_normal(len(TONE)).astype(np.float32)
    for gain in (1e-3, 1.0, 10.0):
        assert multi_resolution(gain * TONE, gain * noisy) == pytest.approx(multi_resolution(TONE, noisy), rel=1e-3)


@pytest.mark.parametrize("metric", [log_power_l1, multi_resolution, mse, l1])
def test_bad_input_is_refused(metric):
    with pytest.raises(ValueError, match="differ in shape"):
        metric(TONE, TONE[:-1])
    with pytest.raises(ValueError, match="empty"):
        metric(TONE[:0], TONE[:0])
    broken = TONE.copy()
    broken[5] = np.nan
    with pytest.raises(ValueError, match="estimate holds 1 samples that are NaN"):
        metric(TONE, broken)


def test_metrics_do_not_write_into_their_input():
    reference, estimate = TONE.copy(), OTHERS["softer"].copy()
    for metric in (log_power_l1, multi_resolution, mse, l1):
        metric(reference, estimate)
    np.testing.assert_array_equal(reference, TONE)
    np.testing.assert_array_equal(estimate, OTHERS["softer"])


def test_loudness_of_a_full_scale_sine_and_of_silence():
    """BS.1770: a 997 Hz sine at 0 dBFS in one channel reads -3.01 LUFS."""
    tone = np.sin(2 * np.pi * 997 * np.arange(48000 * 3) / 48000)
    assert loudness(tone, 48000) == pytest.approx(-3.01, abs=0.05)
    assert np.isnan(loudness(0 * tone, 48000))


def test_loudness_error_is_the_gain():
    assert loudness_error(TONE, TONE / 2, 16000) == pytest.approx(6.02, abs=0.01)
    assert np.isnan(loudness_error(TONE, 0 * TONE, 16000))
