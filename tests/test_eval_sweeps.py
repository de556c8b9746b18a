"""Sweeps judged: the spread is taken where instruments share a pitch, and what is lost is counted."""

import numpy as np
import pandas as pd
import pytest
from tiny import sine_note, write_nsynth

from data.execution import Execution
from data.files.audio import to_float
from data.files.durable import read_json
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from eval.synthesis.sweeps import write_disentanglement
from models.synthesis.estimates import Estimates, write_estimates
from models.synthesis.sweeps import Range, pairs, shared_pitches


def labels(kind: str, instrument: int, other: int, pitch: int, weight: float) -> dict[str, object]:
    return {"kind": kind, "instrument": instrument, "other": other, "pitch": pitch, "weight": weight}


def tone(instrument: int, pitch: float) -> np.ndarray:
    return to_float(sine_note(instrument, pitch, 25))  # type: ignore[arg-type]


@pytest.fixture
def control(tmp_path):
    part = write_nsynth(tmp_path / "nsynth-train", 3, range(55, 75), (25,))
    ingest(Execution(tmp_path / "notes"), [Part(part.name, part)])
    made = [(labels("grid", one, -1, pitch, 0.0), tone(one, pitch)) for one in (0, 2) for pitch in (60, 64)]
    # At pitch 62 the second instrument is 40 cents sharp: a standard deviation of 28.3 cents.
    made += [(labels("shared", one, -1, 62, 0.0), tone(one, 62 + 0.2 * one)) for one in (0, 2)]
    made += [(labels("shared", 0, -1, 70, 0.0), tone(0, 70))]
    weights = (0.0, 0.5, 1.0)
    made += [(labels("path", 0, 2, 62, one), tone(0, 62) * (1 - one) + tone(2, 62) * one) for one in weights]
    made += [(labels("path", 2, 0, 64, one), tone(2, 64) * (one != 0.5)) for one in weights]
    units = [Estimates([one], lambda wave=wave: [wave]) for one, wave in made]
    write_estimates(Execution(tmp_path / "sweeps"), units)
    (tmp_path / "out").mkdir()
    write_disentanglement(Execution(tmp_path / "out"), tmp_path / "notes", tmp_path / "sweeps")
    return tmp_path / "out"


def test_the_numbers_of_control(control):
    facts = read_json(control / "control.json")
    assert facts["pitch follows"] == 1.0
    # The vote chooses between the two swept instruments, not the three recorded ones.
    assert facts["instrument heard by chance"] == 0.5 < facts["instrument heard"]
    assert facts["median cents moved by the instrument"] == pytest.approx(40 / 2**0.5, abs=2)
    assert facts["interpolations that lose their pitch"] == 1
    assert facts["worst cents on interpolations"] < 10
    assert len(pd.read_parquet(control / "paths.parquet")) == 6


def test_shared_pitches_are_where_most_instruments_can_play():
    known = [Range(0, "brass", 40, 60), Range(1, "reed", 50, 70), Range(2, "organ", 55, 58)]
    assert shared_pitches(known) == [55, 56, 57, 58]
    assert [(one.instrument, other.instrument, pitch) for one, other, pitch in pairs(known)] == [(0, 1, 55), (1, 2, 56)]
