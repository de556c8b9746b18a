"""Speaker encoders: windows, mel bands, the network against a plain computation, files, similarity."""

from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import InputError
from data.files.weights import read_tensors
from data.pitch.compiled import librosa
from eval.metrics.speaker import (
    GE2E,
    centroid,
    cosine,
    load_speaker_encoder,
    speaker_mel,
    timbre_statistics,
    window_starts,
)

RATE = 16_000


def voice(tract: float, hertz: float, seconds: float = 1.5) -> np.ndarray:
    """Return a tone with two formants that move."""
    time = np.arange(int(seconds * RATE)) / RATE
    wave = np.zeros(len(time))
    for k in range(1, int(7000 // hertz)):
        centre = tract * (700 + 200 * np.sin(2 * np.pi * 2 * time))
        gain = np.exp(-np.square((k * hertz - centre) / 250)) + 0.5 * np.exp(
            -np.square((k * hertz - 2.4 * centre) / 350)
        )
        wave += gain * np.sin(2 * np.pi * k * hertz * time)
    return (0.1 * wave + 1e-3 * np.random.default_rng(0).standard_normal(len(time))).astype(np.float32)


def save(path: Path, value: object) -> Path:
    torch.save(value, path)
    return path


@pytest.fixture
def network() -> GE2E:
    torch.manual_seed(0)
    return GE2E().eval()


@pytest.mark.parametrize(
    ("samples", "starts"),
    [(1, [0]), (25_600, [0]), (3 * RATE, [0, 77, 154]), (10 * RATE, list(range(0, 848, 77)))],
)
def test_windows_overlap_and_a_last_one_is_filled_enough(samples: int, starts: list[int]) -> None:
    assert window_starts(samples) == starts
    if len(starts) > 1:
        assert samples - starts[-1] * 160 >= 0.75 * 160 * 160


def test_mel_bands_equal_librosas() -> None:
    wave = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    padded = np.pad(wave.astype(float), 200)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([padded[start : start + 400] * window for start in range(0, RATE + 1, 160)])
    bank = librosa.filters.mel(sr=RATE, n_fft=400, n_mels=40)
    expected = np.square(np.abs(np.fft.rfft(frames))) @ bank.T
    np.testing.assert_allclose(speaker_mel(torch.from_numpy(wave)).numpy(), expected, rtol=2e-3, atol=1e-4)


def test_an_embedding_is_the_mean_of_its_windows(network: GE2E) -> None:
    wave = voice(1.0, 200, 3.0)
    mel = speaker_mel(torch.from_numpy(wave))
    starts = window_starts(len(wave))
    padded = torch.cat([mel, torch.zeros(200, 40)])
    with torch.no_grad():
        singles = [network(padded[None, one : one + 160])[0] for one in starts]
    expected = torch.stack(singles).mean(0)
    found = network.embed(wave)
    np.testing.assert_allclose(found, (expected / expected.norm()).numpy(), atol=1e-5)
    assert np.linalg.norm(found) == pytest.approx(1)
    assert (found >= 0).all()


def test_level_and_long_silences_do_not_matter(network: GE2E) -> None:
    wave = voice(1.0, 200)
    quiet = np.concatenate([np.zeros(RATE, np.float32), 0.001 * wave, np.zeros(2 * RATE, np.float32)])
    raised = wave * 10 ** (-30 / 20) / np.sqrt(np.mean(wave**2))
    assert cosine(network.embed(quiet), network.embed(raised)) > 0.999
    assert cosine(timbre_statistics(quiet), timbre_statistics(raised)) > 0.95
    for embed in (network.embed, timbre_statistics):
        assert not embed(np.zeros(RATE)).any()
        assert not embed(np.zeros(0)).any()
        assert np.isfinite(embed(wave[:200])).all()


def test_timbre_statistics_tell_tracts_apart_more_than_pitches() -> None:
    encoder = load_speaker_encoder(None)
    assert encoder.name == "timbre statistics"
    first, same, other = (encoder.embed(voice(*one)) for one in ((1.0, 180), (1.0, 240), (1.35, 180)))
    assert cosine(first, same) > cosine(first, other) + 0.05


def test_weights_are_read_as_tensors_only(tmp_path: Path, network: GE2E) -> None:
    state = {**network.state_dict(), "similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    path = save(tmp_path / "pretrained.pt", {"step": 5, "model_state": state, "optimizer_state": {"lr": 1.0}})
    encoder = load_speaker_encoder(tmp_path, verify=False)
    wave = voice(1.0, 200)
    np.testing.assert_allclose(encoder.embed(wave), network.embed(wave), atol=1e-6)
    with pytest.raises(InputError, match=r"pretrained\.pt: its SHA-256 is .*, expected 39373b86"):
        load_speaker_encoder(path)
    assert set(read_tensors(path, "model_state")) == set(state)
    with pytest.raises(InputError, match="no such file"):
        load_speaker_encoder(tmp_path / "other.pt")
    with pytest.raises(InputError, match="another network"):
        load_speaker_encoder(save(tmp_path / "a.pt", {"linear.weight": torch.ones(2)}), verify=False)
    with pytest.raises(InputError, match="more than weights"):
        load_speaker_encoder(save(tmp_path / "b.pt", {"step": 5}), verify=False)
    with pytest.raises(InputError, match="not readable as weights"):
        load_speaker_encoder(save(tmp_path / "c.pt", {"code": print}), verify=False)


def test_similarity_is_a_cosine() -> None:
    assert cosine(np.array([2.0, 0]), np.array([3.0, 3.0])) == pytest.approx(np.sqrt(0.5))
    assert np.isnan(cosine(np.zeros(2), np.ones(2)))
    np.testing.assert_allclose(centroid(np.array([[4.0, 0], [0, 0.5]])), np.sqrt([0.5, 0.5]))


def test_neither_polarity_nor_a_delay_of_2_ms_changes_what_is_heard(network: GE2E) -> None:
    wave = voice(1.0, 200, 3.0)
    late = np.concatenate([np.zeros(32, np.float32), wave[:-32]])
    for embed in (network.embed, timbre_statistics):
        assert cosine(embed(wave), embed(-wave)) == pytest.approx(1, abs=1e-6)
        assert cosine(embed(wave), embed(late)) > 0.999
