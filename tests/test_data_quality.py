"""Defects and flags of hand-made signals."""

import numpy as np
import pytest
from scipy.signal import butter, lfilter

from data.shards.quality import defect, flags, spectral_prominence

TIME = np.arange(64000) / 16000
TONE = (8000 * np.sin(2 * np.pi * 440 * TIME)).astype(np.int16)
NOISE = np.random.default_rng(0).standard_normal(64000)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.zeros(100, np.int16), "silent"),
        (np.full(100, 7, np.int16), "constant"),
        (np.zeros(0, np.int16), "no samples"),
        (TONE, None),
    ],
)
def test_defects(samples, expected):
    assert defect(samples) == expected


def test_a_tone_earns_no_flag():
    assert flags(TONE) == []


def test_flags_of_faulty_tones():
    clipped = np.clip(TONE.astype(int) * 8, -32767, 32767).astype(np.int16)
    assert flags(clipped) == ["clipped"]
    assert flags((TONE // 400).astype(np.int16)) == ["quiet"]
    assert flags((TONE + 2000).astype(np.int16)) == ["dc"]


@pytest.mark.parametrize("cutoff", [None, 300, 2000])
def test_noise_of_any_colour_is_noise(cutoff):
    wave = NOISE if cutoff is None else lfilter(*butter(2, cutoff, fs=16000), NOISE)
    assert "noise" in flags((6000 * wave / np.abs(wave).max()).astype(np.int16))


@pytest.mark.parametrize("hertz", [27.5, 65.4, 440.0, 4186.0])
def test_a_note_of_any_pitch_stands_out_even_in_noise(hertz):
    harmonics = sum(np.sin(2 * np.pi * k * hertz * TIME) / k for k in range(1, 12) if k * hertz < 8000)
    wave = harmonics + 0.1 * NOISE
    assert spectral_prominence((6000 * wave / np.abs(wave).max()).astype(np.int16)) > 20
