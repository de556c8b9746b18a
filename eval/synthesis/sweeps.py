"""Sweeps of the controls, judged: a row a note of the grid, a row a step between two instruments."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.execution import Execution
from data.files.audio import to_float
from data.files.durable import write_json
from data.files.tables import write_frame
from data.progress import Listener, Progress
from data.shards.reader import Shards
from eval.synthesis.disentanglement import InstrumentClassifier, in_tune, pitch_error_cents, timbre, way

_RECORDED = 1500  # recorded notes the vote remembers, and real test notes it is tried on, at most


def write_disentanglement(execution: Execution, notes: Path, sweeps: Path) -> dict[str, float]:
    """Judge the sweeps and write grid.parquet, paths.parquet and control.json; return the numbers."""
    recorded, made = Shards(notes), Shards(sweeps)
    swept = sorted(set(made.column("instrument")[made.rows(kind="grid")].tolist()))
    vote, ceiling = _listener_and_ceiling(recorded, swept)
    grid = _judge_notes(made, "grid", vote, execution.listener)
    shared = _judge_notes(made, "shared", vote, execution.listener)
    paths = _judge_paths(made)
    for name, frame in (("grid", grid), ("shared", shared), ("paths", paths)):
        write_frame(execution.folder / f"{name}.parquet", frame)
    # Of one instrument alone there is no spread: NaN, which the median leaves out.
    moved = shared.groupby("pitch")["cents"].std()
    known = paths.drop_duplicates(["instrument", "other"])
    results = {
        "pitch follows": float(grid["in_tune"].mean()),
        "instrument heard": float(grid["heard"].mean()),
        "instrument heard in recordings": ceiling,
        "instrument heard by chance": 1 / max(1, len(swept)),
        "median cents moved by the instrument": float(moved.median()),
        "monotonicity of ways": float(known["monotonicity"].mean()),
        "worst cents on ways": float(known["pitch_error"].max()),
        "ways that lose their pitch": float(known["pitch_error"].isna().sum()),
    }
    results = {name: value for name, value in results.items() if np.isfinite(value)}
    write_json(execution.folder / "control.json", results)
    return results


def _listener_and_ceiling(recorded: Shards, swept: list[int]) -> tuple[InstrumentClassifier, float]:
    """Return a vote that has heard training notes, and how often it knows the instrument of real test notes.

    Both hear the swept instruments only, so that all three shares are of the same choice.
    """
    rate, instruments = int(recorded.column("sample_rate")[0]), recorded.column("instrument")

    def heard(split: str) -> tuple[np.ndarray, list[int]]:
        rows = recorded.rows(split=split)
        rows = rows[np.isin(instruments[rows], swept)]
        rows = rows[np.linspace(0, len(rows) - 1, min(_RECORDED, len(rows))).round().astype(int)]
        features = [timbre(to_float(recorded.read(int(row))[:, 0]), rate) for row in rows]
        return np.array(features), instruments[rows].tolist()

    vote = InstrumentClassifier(*heard("train"))
    features, truth = heard("test")
    return vote, float(vote.hits(features, truth).mean()) if len(truth) else float("nan")


def _judge_notes(made: Shards, kind: str, vote: InstrumentClassifier, listener: Listener) -> pd.DataFrame:
    """Return a row a swept note: instrument, pitch, cents off, in_tune, heard."""
    rows = made.rows(kind=kind)
    progress = Progress("judge sweeps", total=len(rows), unit="notes", listener=listener)
    found: list[dict[str, Any]] = []
    features = []
    for row in rows:
        wave = to_float(made.read(int(row))[:, 0])
        pitch, rate = int(made.column("pitch")[row]), int(made.column("sample_rate")[row])
        features.append(timbre(wave, rate))
        cents = pitch_error_cents(wave, pitch, rate)
        found.append({"instrument": int(made.column("instrument")[row]), "pitch": pitch, "cents": cents})
        progress.advance()
    frame = pd.DataFrame(found, columns=["instrument", "pitch", "cents"])
    frame["in_tune"] = in_tune(frame["cents"].to_numpy(float))
    frame["heard"] = vote.hits(np.array(features), frame["instrument"].tolist()) if len(frame) else []
    return frame


def _judge_paths(made: Shards) -> pd.DataFrame:
    """Return a row a step between two instruments: weight, progress, and the way's monotonicity and pitch error."""
    table = made.table.select(["kind", "instrument", "other", "pitch", "weight"]).to_pandas()
    table["row"] = range(len(table))
    columns = ["instrument", "other", "pitch", "weight", "progress", "monotonicity", "pitch_error"]
    found: list[dict[str, Any]] = []
    for (instrument, other), steps in table[table["kind"] == "path"].groupby(["instrument", "other"], sort=False):
        waves = np.stack([to_float(made.read(int(row))[:, 0]) for row in steps["row"]])
        pitch, rate = int(steps["pitch"].iloc[0]), int(made.column("sample_rate")[int(steps["row"].iloc[0])])
        judged = way(waves, steps["weight"].tolist(), pitch, rate)
        for weight, progress in zip(steps["weight"], judged.progress, strict=True):
            values = (instrument, other, pitch, weight, float(progress), judged.monotonicity, judged.pitch_error)
            found.append(dict(zip(columns, values, strict=True)))
    return pd.DataFrame(found, columns=columns)
