"""One note judged by every metric, and tables of many."""

import numpy as np
import pandas as pd
import pytest
from tiny import sine_note

from data.files.audio import to_float
from eval.synthesis.note_metrics import METRICS, Reference, score_note
from eval.table import Items, Metric, compare_systems, interval_of, summarise

NOTE = to_float(sine_note(2, 60, 25))
OFF = to_float(sine_note(2, 61, 25))


def test_a_note_against_itself_is_perfect():
    scores = score_note(Reference.of(NOTE, 60, 16000), NOTE)
    assert scores.keys() == METRICS.keys()
    assert {
        name: scores[name] for name in ("spectral", "waveform_mse", "waveform_l1", "loudness_error")
    } == dict.fromkeys(("spectral", "waveform_mse", "waveform_l1", "loudness_error"), 0.0)
    assert (scores["in_tune"], scores["pitch_accuracy"]) == (1.0, 1.0)
    assert scores["pitch_error"] < 1


def test_a_semitone_off_is_a_hundred_cents():
    scores = score_note(Reference.of(NOTE, 60, 16000), OFF)
    assert scores["pitch_error"] == pytest.approx(100, abs=1)
    assert (scores["in_tune"], scores["pitch_accuracy"]) == (0.0, 0.0)


def test_silence_is_out_of_tune_and_has_no_loudness_error():
    scores = score_note(Reference.of(NOTE, 60, 16000), 0 * NOTE)
    assert scores["in_tune"] == 0.0
    assert np.isnan(scores["pitch_error"])
    assert np.isnan(scores["loudness_error"])


def test_a_recording_out_of_tune_with_its_label_is_not_applicable():
    reference = Reference.of(NOTE, 64, 16000)
    assert not reference.pitched
    scores = score_note(reference, NOTE)
    assert np.isnan([scores[name] for name in ("pitch_error", "in_tune", "pitch_accuracy")]).all()
    assert scores["spectral"] == 0


def test_without_a_label_the_recordings_own_pitch_counts():
    assert Reference.of(NOTE, None, 16000).pitch == pytest.approx(60, abs=0.02)


def frame() -> pd.DataFrame:
    rows = []
    for number in range(40):
        for system, offset in (("sing", 0.0), ("silence", 1.0), ("wavenet", 0.5)):
            if system != "wavenet" or number < 10:
                value = offset + number % 4
                rows.append({"system": system, "note": f"n{number}", "instrument": number // 2, "spectral": value})
    return pd.DataFrame(rows)


def test_a_summary_has_a_row_for_each_system_and_metric():
    summary = summarise(frame(), ["spectral"], group="instrument")
    assert summary["system"].tolist() == ["sing", "silence", "wavenet"]
    interval = interval_of(summary, "spectral", system="sing")
    assert (interval.mean, interval.count) == (1.5, 40)
    assert interval.low < 1.5 < interval.high
    assert interval_of(summary, "spectral", system="nobody") is None


def test_systems_are_compared_on_the_notes_both_have():
    found = compare_systems(
        frame(), "sing", ["silence", "wavenet", "nobody"], Metric("spectral"), Items(group="instrument")
    ).set_index("baseline")
    assert found["difference"].to_dict() == {"silence": -1.0, "wavenet": -0.5}
    assert found["count"].to_dict() == {"silence": 40, "wavenet": 10}
    assert found.loc["silence", "p"] < 0.001
    assert np.isnan(found.loc["wavenet", "p"])
    assert (found["better"] == 1.0).all()
