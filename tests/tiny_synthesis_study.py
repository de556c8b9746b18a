"""A synthesis study of decaying tones of four instruments with hostile names, judged by the real code."""

from pathlib import Path

import numpy as np
import pandas as pd
from tiny import sine_note, write_nsynth

from data.execution import Execution
from data.files.audio import to_float
from data.files.durable import write_json
from data.files.tables import read_frame, write_frame
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from data.shards.reader import Shards
from eval.synthesis.acceptance import Bounds
from eval.synthesis.instruments import write_map
from eval.synthesis.report_input import Study
from eval.synthesis.score import write_scores
from eval.synthesis.sweeps import write_disentanglement
from models.synthesis.estimates import Estimates, write_estimates

EVIL = "<script>alert(1)</script>\"'& $x$_%\\frac"
INSTRUMENTS, PITCHES = 4, range(60, 70)
COST = {
    "device": EVIL, "threads": 1.0, "batch": 16.0, "SING training hours": 0.1,
    "SING seconds of audio per second": 12.0, "SING compression": 2133.0, "SING MiB": 3.5,
}  # fmt: skip


def tone(instrument: int, pitch: float) -> np.ndarray:
    return to_float(sine_note(instrument, pitch, 25))  # type: ignore[arg-type]


def make_synthesis_study(folder: Path) -> Study:
    """Return a study of SING, which plays the notes a little out of tune, and two baselines, judged below `folder`."""
    part = write_nsynth(folder / "nsynth-train", INSTRUMENTS, PITCHES, (25,))
    ingest(Execution(folder / "notes"), [Part(part.name, part)])
    notes = Shards(folder / "notes")
    made: dict[str, list[Estimates]] = {"outputs": [], "baselines": []}
    for row in notes.rows(split="test").tolist():
        note, instrument, pitch = (
            str(notes.column("id")[row]),
            *(int(notes.column(one)[row]) for one in ("instrument", "pitch")),
        )
        for system, where, wave in (
            ("sing", "outputs", tone(instrument, pitch + 0.1)),
            ("autoencoder", "outputs", tone(instrument, pitch)),
            ("nearest_pitch", "baselines", tone(instrument, pitch + 1)),
            ("silence", "baselines", 0 * tone(0, 60)),
        ):
            made[where].append(Estimates([{"system": system, "note": note}], lambda wave=wave: [wave]))
    for name, units in made.items():
        write_estimates(Execution(folder / name), units)
        write_scores(Execution(_made(folder / f"{name} scores")), folder / "notes", folder / name)
    _sweeps(folder)
    frames = {name: read_frame(folder / f"{name} scores" / "scores.parquet") for name in made}
    write_json(_made(folder / "cost") / "cost.json", COST)
    return Study(
        notes=folder / "notes",
        outputs=[folder / "outputs"],
        baseline_outputs=folder / "baselines",
        scores={"spectral": frames["outputs"]},
        baseline_scores=frames["baselines"],
        instruments=folder / "map",
        control=folder / "control",
        sweeps=folder / "sweeps",
        cost=folder / "cost",
        histories={f"stage {EVIL}": pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.0], "seconds": [3.0, 6.0]})},
        bounds=Bounds(0.5, nearest_required=True, pitch_accuracy=0.9),
        champions=[{"model": EVIL, "commit": EVIL, "criteria": {"complete": 1.0, "better_than_champion": None}}],
        provenance={"data": f"embedded {EVIL}", "preset": EVIL, "notes": EVIL, "command": EVIL, EVIL: EVIL},
        in_use=frames["outputs"],
    )


def _sweeps(folder: Path) -> None:
    """Write sweeps, their scores, and a map of instruments with hostile names."""

    def labels(kind: str, instrument: int, other: int, pitch: int, weight: float) -> dict[str, object]:
        return {"kind": kind, "instrument": instrument, "other": other, "pitch": pitch, "weight": weight}

    swept = [(labels("grid", one, -1, pitch, 0.0), tone(one, pitch)) for one in (0, 1, 2) for pitch in (60, 64, 68)]
    swept += [(labels("shared", one, -1, 62, 0.0), tone(one, 62)) for one in (0, 1, 2)]
    swept += [(labels("map", 3, -1, pitch, 0.0), tone(3, pitch)) for pitch in (60, 68)]
    swept += [(labels("path", 0, 1, 62, one), tone(0, 62) * (1 - one) + tone(1, 62) * one) for one in (0.0, 0.5, 1.0)]
    write_estimates(Execution(folder / "sweeps"), [Estimates([one], lambda wave=wave: [wave]) for one, wave in swept])
    write_disentanglement(Execution(_made(folder / "control")), folder / "notes", folder / "sweeps")
    embeddings = np.random.default_rng(0).standard_normal((INSTRUMENTS, 8))
    write_map(Execution(_made(folder / "map")), folder / "notes", embeddings)
    frame = read_frame(folder / "map" / "map.parquet")
    write_frame(
        folder / "map" / "map.parquet", frame.assign(instrument_name=frame["instrument_name"] + EVIL, family=EVIL)
    )


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
