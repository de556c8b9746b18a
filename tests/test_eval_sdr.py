"""Separation scores by hand, each under its name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from eval.metrics import sdr
from eval.metrics.blocks import LENGTH, Held, blocks
from eval.metrics.energies import si_sdr, usdr
from eval.metrics.sdr import DEFINITIONS, TrackScores, score_track
from eval.metrics.speaker import SpeakerEncoder

RATE = 2000


def noise(seed: int, seconds: float = 3.5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((int(seconds * RATE), 2)) * 0.1


def test_usdr_by_hand():
    reference = np.array([[1.0, -1.0], [2.0, 0.0]])
    assert usdr(reference, reference * 0.9) == pytest.approx(20.0, abs=1e-4)
    assert usdr(reference, reference * 0) == pytest.approx(0.0, abs=1e-6)
    assert usdr(reference, reference) == pytest.approx(10 * np.log10((6 + 1e-7) / 1e-7))
    assert np.isnan(usdr(reference * 0, reference))


def test_si_sdr_by_hand():
    reference, error = np.array([[1.0, 1.0]]), np.array([[0.1, -0.1]])
    for gain in (0.5, 1, -3):
        assert si_sdr(reference, gain * (reference + error)) == pytest.approx(20.0)
    assert si_sdr(reference, reference) == np.inf
    assert si_sdr(reference, reference * 0) == -np.inf
    assert np.isnan(si_sdr(reference * 0, reference))


def test_a_track_says_which_definition_each_number_has():
    references = {"vocals": noise(0), "accompaniment": noise(1)}
    estimates = {name: wave + 0.1 * noise(2) for name, wave in references.items()}
    estimates["vocals"][RATE : 2 * RATE] = 0
    found = score_track(references, estimates, RATE)
    assert set(found.summary["metric"]) == set(DEFINITIONS) - {"voice similarity"}
    assert set(found.summary["source"]) == {"vocals", "accompaniment"}
    assert set(found.summary["sources"]) == {"accompaniment+vocals"}
    framed = found.summary[found.summary["metric"] == "cSDR"]
    assert framed["undefined"].tolist() == [1, 1]
    assert framed["frames"].tolist() == [3, 3]
    assert framed["window_seconds"].tolist() == [1.0, 1.0]
    assert len(found.seconds) == 6
    assert set(found.seconds["sources"]) == {"accompaniment+vocals"}
    assert found.seconds["sdr"].isna().sum() == 2
    value = float(framed.loc[framed["source"] == "accompaniment", "value"].iloc[0])
    assert value == pytest.approx(20.0, abs=0.3)


@pytest.mark.parametrize(("seconds", "window"), [(1.5, 1.0), (0.7, 0.7)])
def test_a_single_frame_has_a_window_too(seconds, window):
    """A track shorter than a second is one frame as long as the track."""
    found = score_track({"a": noise(0, seconds)}, {"a": noise(1, seconds)}, RATE).summary.set_index("metric")
    assert found.loc["cSDR", "frames"] == 1
    assert found.loc["cSDR", "window_seconds"] == window
    assert np.isnan(found.loc["uSDR", "window_seconds"])


def test_a_source_alone_has_no_interference():
    found = score_track({"a": noise(0)}, {"a": noise(1)}, RATE)
    summary = found.summary.set_index("metric")
    assert np.isnan(summary.loc["cSIR", "value"])
    assert summary.loc["cSIR", "undefined"] == 3
    assert found.seconds["sir"].isna().all()
    assert np.isfinite(summary.loc[["cSDR", "cISR", "cSAR"], "value"]).all()


def test_a_perfect_estimate_has_large_values_and_is_not_lost():
    true = {"a": noise(0), "b": noise(1)}
    values = score_track(true, true, RATE).summary.pivot(index="metric", columns="source", values="value")
    assert (values.loc[["cSDR", "SI-SDR"]] > 250).all(axis=None)
    assert (values.loc[["cISR", "cSIR", "cSAR"]] > 150).all(axis=None)
    assert (values.loc["uSDR"] > 80).all()
    assert values.loc["MR-STFT"].tolist() == [0, 0]


def test_the_speaker_encoder_is_named_in_its_rows_and_hears_16_khz():
    heard = []

    def embed(wave: np.ndarray) -> np.ndarray:
        heard.append(len(wave))
        return np.array([np.abs(wave).mean(), 1.0])

    true, found = noise(0), 0.5 * noise(0)
    encoder = SpeakerEncoder("level", embed)
    summary = score_track({"a": true}, {"a": found}, RATE, voice=encoder).summary.set_index("metric")
    assert set(summary.index) == set(DEFINITIONS)
    assert summary.loc["voice similarity", "encoder"] == "level"
    assert summary["encoder"].notna().sum() == 1
    assert 0.9 < summary.loc["voice similarity", "value"] < 1
    assert heard == [round(len(true) / RATE * 16_000)] * 2


def test_muting_does_not_raise_the_median_that_counts_it():
    """Two of five seconds are hard, 0 dB; who mutes them has a better cSDR, and no better one where muting counts."""
    true = noise(0, 5)
    error = noise(1, 5) * np.repeat([0.1, 1, 0.1, 1, 0.3], RATE)[:, None]
    bold, muted = true + error, true + error
    muted[RATE : 2 * RATE] = muted[3 * RATE : 4 * RATE] = 0
    found = [score_track({"a": true}, {"a": one}, RATE).summary.set_index("metric") for one in (bold, muted)]
    assert found[1].loc["cSDR", "value"] > found[0].loc["cSDR", "value"] + 5
    assert found[1].loc["cSDR, muted 0", "value"] == pytest.approx(found[0].loc["cSDR, muted 0", "value"], abs=0.5)
    assert [one.loc["cSDR, muted 0", "undefined"] for one in found] == [0, 2]
    assert found[0].loc["cSDR, muted 0", "value"] == found[0].loc["cSDR", "value"]


def test_a_late_estimate_is_told():
    true = noise(0)
    late = np.roll(true, round(0.043 * RATE), axis=0)
    found = score_track({"a": true}, {"a": late}, RATE).summary.set_index("metric")["value"]
    assert found["lag"] == pytest.approx(43, abs=1)
    assert found["uSDR"] < 0
    assert score_track({"a": true}, {"a": true}, RATE).summary.set_index("metric")["value"]["lag"] == 0


def test_scores_of_tracks_come_together_under_their_labels():
    one = score_track({"a": noise(0, 1)}, {"a": noise(1, 1)}, RATE)
    both = TrackScores.together([one.labelled(system="x", track=name) for name in ("A", "B")])
    assert both.summary.columns.tolist()[:3] == ["system", "track", "source"]
    assert both.summary["track"].tolist() == ["A"] * 10 + ["B"] * 10
    assert both.seconds["track"].tolist() == ["A", "B"]
    assert "track" not in one.summary
    assert TrackScores.together([]).summary.columns.tolist() == one.summary.columns.tolist()
    assert TrackScores.together([]).seconds.columns.tolist() == one.seconds.columns.tolist()


def test_a_silent_source_is_not_applicable():
    references = {"vocals": np.zeros((3 * RATE, 2)), "accompaniment": noise(1, 3)}
    found = score_track(references, {name: noise(3, 3) for name in references}, RATE).summary
    vocals = found[found["source"] == "vocals"]
    assert vocals["value"].isna().all()
    assert vocals.set_index("metric")["undefined"].to_dict()["cSDR"] == 3
    accompaniment = found[found["source"] == "accompaniment"].set_index("metric")["value"]
    assert np.isfinite(accompaniment[["uSDR", "SI-SDR", "MR-STFT"]]).all()


def test_names_and_samples_must_fit():
    with pytest.raises(ValueError, match=r"references \['a'\] and estimates \['b'\] differ"):
        score_track({"a": noise(0)}, {"b": noise(0)}, RATE)
    with pytest.raises(ValueError, match=r"references of different .*'b': \(7000, 2\)"):
        score_track({"a": noise(0)[:-1], "b": noise(1)}, {"a": noise(0)[:-1], "b": noise(1)}, RATE)
    with pytest.raises(ValueError, match="waveforms of 1000 samples; at least 1025 are needed"):
        score_track({"a": noise(0)[:1000]}, {"a": noise(1)[:1000]}, RATE)
    broken = noise(0)
    broken[5] = np.nan
    with pytest.raises(ValueError, match="estimate holds samples that are NaN"):
        score_track({"a": noise(0)}, {"a": broken}, RATE)


@pytest.mark.parametrize("length", [2048, 1 << 12])
def test_a_track_in_blocks_has_the_scores_of_the_whole(monkeypatch, length):
    """Every metric, with blocks that cut frames, filters and transforms in two."""
    references = {"vocals": noise(0, 6.3), "accompaniment": noise(1, 6.3)}
    estimates = {name: np.roll(wave, 30, axis=0) + 0.1 * noise(2, 6.3) for name, wave in references.items()}
    estimates["vocals"][RATE : 2 * RATE] = references["vocals"][3 * RATE : 4 * RATE] = 0
    voice = SpeakerEncoder("level", lambda wave: np.array([np.abs(wave).mean(), 1.0]))
    whole = score_track(references, estimates, RATE, voice=voice)
    monkeypatch.setattr(sdr, "blocks", lambda sounds, margin: blocks(sounds, margin, length))
    parts = score_track(references, estimates, RATE, voice=voice)
    pd.testing.assert_frame_equal(parts.summary, whole.summary, rtol=2e-7)
    pd.testing.assert_frame_equal(parts.seconds, whole.seconds, rtol=1e-9)


@dataclass(frozen=True)
class Endless:
    """Noise of any length, made when it is read."""

    seed: int
    shape: tuple[int, int]

    def read(self, start: int, stop: int) -> np.ndarray:
        return np.resize(noise(self.seed, 5).astype(np.float32), (stop - start, self.shape[1]))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux to tell the peak of memory")
def test_memory_does_not_grow_with_a_track():
    """A track of 7 blocks, whose sounds and spectra would take 250 MB more than those of one."""

    def peak(count: int) -> int:
        track = {"a": Endless(0, (count * LENGTH, 2))}
        Path("/proc/self/clear_refs").write_text("5")
        score_track(track, {"a": Endless(1, (count * LENGTH, 2))}, 44_100)
        found = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
        return int(found["VmHWM"].split()[0]) // 1024

    assert peak(7) < peak(1) + 60


def test_a_block_refuses_what_it_does_not_hold():
    block = list(blocks([Held(noise(0, 1))], margin=10, length=500))[1]
    assert block.cut(490, 1010).shape == (1, 520, 2)
    for start, stop in ((489, 600), (600, 1011)):
        with pytest.raises(ValueError, match=r"of a block that holds 520 from 490"):
            block.cut(start, stop)
