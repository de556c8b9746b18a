"""Separation scores by hand, each under its name."""

import numpy as np
import pytest

from eval.sdr import DEFINITIONS, judge_track, si_sdr, usdr

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
    found = judge_track(references, estimates, RATE)
    assert set(found.summary["metric"]) == set(DEFINITIONS)
    assert set(found.summary["source"]) == {"vocals", "accompaniment"}
    assert set(found.summary["sources"]) == {"accompaniment+vocals"}
    framed = found.summary[found.summary["metric"] == "cSDR"]
    assert framed["undefined"].tolist() == [1, 1]
    assert framed["frames"].tolist() == [3, 3]
    assert framed["window_seconds"].tolist() == [1.0, 1.0]
    assert len(found.seconds) == 6
    assert found.seconds["sdr"].isna().sum() == 2
    value = float(framed.loc[framed["source"] == "accompaniment", "value"].iloc[0])
    assert value == pytest.approx(20.0, abs=0.3)


def test_a_silent_source_is_not_applicable():
    references = {"vocals": np.zeros((3 * RATE, 2)), "accompaniment": noise(1, 3)}
    found = judge_track(references, {name: noise(3, 3) for name in references}, RATE).summary
    vocals = found[found["source"] == "vocals"]
    assert vocals["value"].isna().all()
    assert vocals.set_index("metric")["undefined"].to_dict()["cSDR"] == 3
    accompaniment = found[found["source"] == "accompaniment"].set_index("metric")["value"]
    assert np.isfinite(accompaniment[["uSDR", "SI-SDR", "MR-STFT"]]).all()


def test_names_and_samples_must_fit():
    with pytest.raises(ValueError, match=r"references \['a'\] and estimates \['b'\] differ"):
        judge_track({"a": noise(0)}, {"b": noise(0)}, RATE)
    broken = noise(0)
    broken[5] = np.nan
    with pytest.raises(ValueError, match="estimate holds samples that are NaN"):
        judge_track({"a": noise(0)}, {"a": broken}, RATE)
