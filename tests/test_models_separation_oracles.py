"""Ideal masks against an STFT written out by hand, and on sources that a mask can tell apart."""

import numpy as np
import pytest

from models.separation.oracles import ORACLES, oracle

TINY = 172  # Hz; a frame is 8 samples, the hop 4


def masked_by_hand(mixture: np.ndarray, vocals: np.ndarray, mask) -> np.ndarray:
    """Frames of 8 samples, hop 4, centred on every fourth; the inverse by least squares. (T,), T a multiple of 4."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(8) / 8)
    mixed, true = (np.pad(wave, 4) for wave in (mixture, vocals))
    total, weight = np.zeros(len(mixed)), np.zeros(len(mixed))
    for start in range(0, len(mixed) - 7, 4):
        here = slice(start, start + 8)
        heard, sung = (np.fft.rfft(window * wave[here]) for wave in (mixed, true))
        total[here] += window * np.fft.irfft(mask(np.abs(sung), np.abs(heard - sung)) * heard)
        weight[here] += window**2
    return total[4:-4] / weight[4:-4]


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("IRM1", lambda vocals, rest: vocals / (vocals + rest)),
        ("IRM2", lambda vocals, rest: vocals**2 / (vocals**2 + rest**2)),
        ("IBM2", lambda vocals, rest: np.where(vocals**2 > rest**2, 1.0, 0.0)),
    ],
)
def test_masks_by_hand(name, mask):
    draw = np.random.default_rng(0)
    vocals, rest = draw.standard_normal((2, 24, 2))
    found = oracle(name, vocals + rest, vocals, TINY)
    expected = [masked_by_hand((vocals + rest)[:, one], vocals[:, one], mask) for one in range(2)]
    np.testing.assert_allclose(found, np.stack(expected, 1), atol=1e-12)
    assert np.abs(found - vocals).max() > 0.1  # two noises cannot be told apart by a mask


@pytest.mark.parametrize("name", ORACLES)
def test_sources_in_bands_of_their_own_come_back(name):
    time = np.arange(16_000) / 16_000
    fade = np.hanning(16_000)
    vocals, rest = ((fade * np.sin(2 * np.pi * pitch * time))[:, None] for pitch in (440, 3000))
    found = oracle(name, vocals + rest, vocals, 16_000)
    assert 10 * np.log10(np.square(vocals).sum() / np.square(found - vocals).sum()) > 60


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("length", [1, 3, 4, 5, 100, 1023])
def test_vocals_alone_come_back_at_any_length_and_silence_stays_silent(name, length):
    vocals = np.random.default_rng(length).standard_normal((length, 1)).astype(np.float32)
    np.testing.assert_allclose(oracle(name, vocals, vocals, 8000), vocals, atol=1e-9)
    assert not oracle(name, vocals, vocals * 0, 8000).any()
    assert not oracle(name, vocals * 0, vocals * 0, 8000).any()


def test_names_and_shapes_must_fit():
    wave = np.ones((10, 1))
    with pytest.raises(ValueError, match="'IRM3' is no ideal mask; choose one of IRM1, IRM2, IBM2"):
        oracle("IRM3", wave, wave, 8000)
    with pytest.raises(ValueError, match=r"mixture \(10, 1\) and vocals \(9, 1\)"):
        oracle("IRM1", wave, wave[:9], 8000)
