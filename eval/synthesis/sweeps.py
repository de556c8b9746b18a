"""Scores of notes in which pitch or instrument is varied, and of interpolations between instruments.

The notes are made by `models.synthesis.sweeps`. There are three kinds: "grid" (each instrument at pitches over its
range), "shared" (all instruments that can play it, at the same few pitches) and "path" (interpolations between two
instruments at one pitch).
"""

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

_RECORDED = 1500  # largest number of recorded notes to fit the classifier on, and to test it on


def write_disentanglement(execution: Execution, notes: Path, sweeps: Path) -> dict[str, float]:
    """Score the sweeps and write grid.parquet, shared.parquet, paths.parquet and control.json.

    grid.parquet and shared.parquet have one row for each note (`_judge_notes`), paths.parquet one for each step of an
    interpolation (`_judge_paths`). control.json holds the returned numbers.

    Args:
        execution: its folder receives the files; its listener receives progress reports.
        notes: shards of the recorded notes.
        sweeps: shards of the synthesised sweeps.

    Returns:
        The summary numbers by name; `eval.synthesis.tables.control_table` describes each. A number that cannot be
        measured is left out.

    Example:
        >>> write_disentanglement(Execution(Path("control")), notes, sweeps)["pitch follows"]
    """
    recorded, made = Shards(notes), Shards(sweeps)
    swept = sorted(set(made.column("instrument")[made.rows(kind="grid")].tolist()))
    classifier, ceiling = _listener_and_ceiling(recorded, swept)
    grid = _judge_notes(made, "grid", classifier, execution.listener)
    shared = _judge_notes(made, "shared", classifier, execution.listener)
    paths = _judge_paths(made)
    for name, frame in (("grid", grid), ("shared", shared), ("paths", paths)):
        write_frame(execution.folder / f"{name}.parquet", frame)
    # A pitch with only one instrument has the standard deviation NaN, which the median ignores.
    moved = shared.groupby("pitch")["cents"].std()
    known = paths.drop_duplicates(["instrument", "other"])
    results = {
        "pitch follows": float(grid["in_tune"].mean()),
        "instrument heard": float(grid["heard"].mean()),
        "instrument heard in recordings": ceiling,
        "instrument heard by chance": 1 / max(1, len(swept)),
        "median cents moved by the instrument": float(moved.median()),
        "monotonicity of interpolations": float(known["monotonicity"].mean()),
        "worst cents on interpolations": float(known["pitch_error"].max()),
        "interpolations that lose their pitch": float(known["pitch_error"].isna().sum()),
    }
    results = {name: value for name, value in results.items() if np.isfinite(value)}
    write_json(execution.folder / "control.json", results)
    return results


def _listener_and_ceiling(recorded: Shards, swept: list[int]) -> tuple[InstrumentClassifier, float]:
    """Return an instrument classifier fitted on recorded training notes, and its accuracy on recorded test notes.

    Only notes of the swept instruments are used, so that recorded notes, synthesised notes and chance are compared on
    the same set of classes.

    Args:
        recorded: the recorded notes.
        swept: numbers of the instruments in the sweeps.

    Returns:
        The classifier, and its accuracy from 0 to 1; NaN without test notes.
    """
    rate, instruments = int(recorded.column("sample_rate")[0]), recorded.column("instrument")

    def labelled_features(split: str) -> tuple[np.ndarray, list[int]]:
        rows = recorded.rows(split=split)
        rows = rows[np.isin(instruments[rows], swept)]
        rows = rows[np.linspace(0, len(rows) - 1, min(_RECORDED, len(rows))).round().astype(int)]
        features = [timbre(to_float(recorded.read(int(row))[:, 0]), rate) for row in rows]
        return np.array(features), instruments[rows].tolist()

    classifier = InstrumentClassifier(*labelled_features("train"))
    features, truth = labelled_features("test")
    return classifier, float(classifier.hits(features, truth).mean()) if len(truth) else float("nan")


def _judge_notes(made: Shards, kind: str, classifier: InstrumentClassifier, listener: Listener) -> pd.DataFrame:
    """Score the notes of one kind of sweep.

    Args:
        made: the synthesised sweeps.
        kind: "grid" or "shared".
        classifier: the instrument classifier.
        listener: receives progress reports.

    Returns:
        One row for each note. Columns: instrument, pitch (MIDI), cents (signed pitch error, NaN without a pitch),
        in_tune (bool), heard (bool, whether the classifier finds the right instrument).
    """
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
    progress.finish()
    frame = pd.DataFrame(found, columns=["instrument", "pitch", "cents"])
    frame["in_tune"] = in_tune(frame["cents"].to_numpy(float))
    frame["heard"] = classifier.hits(np.array(features), frame["instrument"].tolist()) if len(frame) else []
    return frame


def _judge_paths(made: Shards) -> pd.DataFrame:
    """Score the interpolations between two instruments.

    Returns:
        One row for each step. Columns: instrument, other (numbers of the two instruments), pitch (MIDI), weight (share
        of the second instrument), progress, monotonicity and pitch_error (`Interpolation`; the last two are the same in
        all steps of an interpolation).
    """
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
