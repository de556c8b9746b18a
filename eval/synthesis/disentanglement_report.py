"""Section of the synthesis report on disentanglement: notes with varied pitch, and ways between two instruments."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from data.files.audio import encode, to_float
from data.files.durable import read_json
from data.files.tables import read_frame
from data.shards.reader import Shards
from eval.report.blocks import Clip, Players
from eval.report.curves import Curves, Panel
from eval.report.document import Block
from eval.report.figures import spectrogram
from eval.synthesis.tables import control_table

_SWEPT, _HEARD = 2, 6  # number of instruments with players, and of pitches of each
_WAYS, _STEPS = 3, 5  # number of interpolations with players, and of steps of each
_CURVES = 7  # number of instruments in the chart


def _flac(shards: Shards, row: int) -> bytes:
    """Return the first channel of a recording as the bytes of a FLAC file."""
    return encode(shards.read(row)[:, 0], round(float(shards.column("sample_rate")[row])), "FLAC")


def _clip(shards: Shards, row: int, label: str, figures: str) -> Clip:
    """Return the first channel of a recording with its spectrogram."""
    wave = to_float(shards.read(row)[:, 0])
    return Clip(label, _flac(shards, row), spectrogram=spectrogram(wave), figures=figures)


def control_blocks(notes: Path, control: Path, sweeps: Path) -> list[Block]:
    """Return the table, the figures and the sound players on disentanglement.

    Args:
        notes: shards of the recorded notes, for the names of the instruments.
        control: folder with the scores of the sweeps (`eval.synthesis.sweeps.write_disentanglement`).
        sweeps: shards of the synthesised sweeps (`models.synthesis.sweeps`).
    """
    recorded, made = Shards(notes), Shards(sweeps)
    labels = recorded.table.select(["instrument", "instrument_name"]).to_pandas()
    names: dict[int, str] = dict(zip(labels["instrument"], labels["instrument_name"], strict=True))
    table = made.table.select(["kind", "instrument", "other", "pitch", "weight"]).to_pandas()
    grid, paths = (read_frame(control / f"{name}.parquet") for name in ("grid", "paths"))
    return [
        control_table(read_json(control / "control.json")),
        *_swept(grid, table[table["kind"] == "grid"], made, names),
        *_ways(paths, table[table["kind"] == "path"], made, names),
    ]


def _swept(grid: pd.DataFrame, table: pd.DataFrame, made: Shards, names: Mapping[int, str]) -> list[Block]:
    """Return the figure of pitch errors over pitch, one curve for each instrument, and players of some notes."""
    if grid.empty:
        return []
    cents = grid.pivot(index="pitch", columns="instrument", values="cents").iloc[:, :_CURVES]
    curves = {names[one]: np.clip(cents[one], -200, 200).tolist() for one in cents.columns.to_numpy(int).tolist()}
    panel = Panel("", "cents off (±200 shown); 0 is in tune", cents.index.tolist(), curves, digits=0)
    rows = []
    for instrument, part in list(table.groupby("instrument"))[:_SWEPT]:
        chosen = part.iloc[np.linspace(0, len(part) - 1, min(_HEARD, len(part))).round().astype(int)]
        name = names[instrument]  # type: ignore[index]
        clips = [_clip(made, int(row), f"{name}, pitch {one.pitch}", f"pitch {one.pitch}")
                 for row, one in zip(chosen.index, chosen.itertuples(), strict=True)]  # fmt: skip
        rows.append((name, clips + [Clip(name, None)] * (_HEARD - len(clips))))
    steps = ["lowest", *[f"step {one}" for one in range(2, _HEARD)], "highest"]
    return [
        Curves("At which pitches is each instrument in tune?", [panel], "MIDI pitch asked for", wide=True),
        Players("Pitch swept, instrument fixed", steps, rows),
    ]


def _ways(paths: pd.DataFrame, table: pd.DataFrame, made: Shards, names: Mapping[int, str]) -> list[Block]:
    """Return the figure of timbre progress over mixing weight, and players of some interpolations."""
    if paths.empty:
        return []
    weights = sorted(set(paths["weight"]))
    played = [weights[one] for one in np.linspace(0, len(weights) - 1, _STEPS).round().astype(int)]
    curves, rows = {}, []
    for key, part in paths.groupby(["instrument", "other"], sort=False):
        first, second = (int(one) for one in key)  # type: ignore[union-attr]
        name = f"{names[first]} to {names[second]}"
        curves[name] = part["progress"].tolist()
        steps = table[(table["instrument"] == first) & (table["other"] == second) & table["weight"].isin(played)]
        clips = [_clip(made, int(row), f"{name}, weight {one.weight}", f"weight {one.weight}")
                 for row, one in zip(steps.index, steps.itertuples(), strict=True)]  # fmt: skip
        rows.append((name, clips))
    panel = Panel("", "share of the way in timbre", weights, curves, digits=2)
    question = "Does the timbre change steadily from one instrument to another?"
    return [
        Curves(question, [panel], "mixing weight", "A straight rising line is a steady way.", wide=True),
        Players("Ways between instruments", [f"{one:g}" for one in played], rows[:_WAYS]),
    ]
