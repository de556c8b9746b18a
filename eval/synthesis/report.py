"""The synthesis report: HTML page, metrics as JSON, LaTeX table, model card and scores.

The page compares notes of SING with recordings and with other systems, by scores and by sound players.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.files.audio import to_float
from data.files.durable import in_json, read_json, write_bytes, write_json
from data.files.tables import write_frame
from data.shards.reader import Shards
from eval.acceptance import Criterion, as_json, title_of
from eval.intervals import OF_MEANS
from eval.report.document import Block, Clip, Document, Section, Table, Text
from eval.report.excerpts import level_of, player
from eval.report.exports import Card, latex, model_card
from eval.report.naming import settings_of_systems
from eval.report.numbers import number
from eval.report.spreads import Spread
from eval.report.training import training_charts
from eval.report.writing import write_document
from eval.synthesis.acceptance import Bounds, acceptance_criteria
from eval.synthesis.disentanglement_report import control_blocks
from eval.synthesis.front import front_of
from eval.synthesis.instrument_map import instrument_blocks
from eval.synthesis.note_metrics import METRICS
from eval.synthesis.players import ordered, player_blocks
from eval.synthesis.tables import (
    BEYOND,
    EMBEDDED,
    SETTINGS,
    SHOWN,
    in_use_table,
    name_of,
    paired_table,
    palette_of,
    paper_tables,
    systems_table,
)
from eval.table import summarise

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Study:
    """The input data of the synthesis report. All scores have the columns of scores.parquet (`eval.synthesis.score`).

    Attributes:
        notes: folder of the shards of recordings.
        outputs: folders of the shards of notes made by SING and its autoencoder, and by variants beyond the paper.
        baseline_outputs: folder of the shards of notes made by the baselines.
        scores: scores of each trained variant by its name; the first is the main variant.
        baseline_scores: scores of the baselines.
        instruments: folder of the instrument map (`eval.synthesis.instruments.write_map`).
        control: folder of the scores of the sweeps (`eval.synthesis.sweeps.write_disentanglement`).
        sweeps: folder of the shards of sweeps.
        cost: folder with cost.json (`models.synthesis.cost.write_cost`).
        histories: training history of each stage, by its name.
        bounds: bounds of the acceptance checks.
        champions: one entry for each champion so far, oldest first: "model" (fingerprint), "commit" and "criteria".
        provenance: where the data and the model come from, by name; "data" and "preset" are required.
        in_use: if the report is on an experiment, scores of the model in use; None if there is none.
        listening: blocks of the section on what listeners said (`eval.listening.tables.listening_blocks`).
    """

    notes: Path
    outputs: Sequence[Path]
    baseline_outputs: Path
    scores: Mapping[str, pd.DataFrame]
    baseline_scores: pd.DataFrame
    instruments: Path
    control: Path
    sweeps: Path
    cost: Path
    histories: Mapping[str, pd.DataFrame]
    bounds: Bounds
    champions: Sequence[Mapping[str, Any]]
    provenance: Mapping[str, str]
    in_use: pd.DataFrame | None = None
    listening: Sequence[Block] = ()

    @property
    def settings(self) -> Mapping[str, str]:
        """Setting of each system that has one: what the main variant was trained on."""
        return {"sing": SETTINGS.get(next(iter(self.scores)), "")}

    @cached_property
    def all_scores(self) -> pd.DataFrame:
        """Scores of the main variant, of the baselines and of variants beyond the paper, concatenated."""
        main, beyond = next(iter(self.scores.values())), [self.scores[name] for name in self.scores if name in BEYOND]
        return pd.concat([main, self.baseline_scores, *beyond], ignore_index=True)

    @cached_property
    def sounds(self) -> dict[tuple[str, str], tuple[Shards, int]]:
        """The shards and the row of each (system, note)."""
        recorded, found = Shards(self.notes), {}
        for row, note in enumerate(recorded.column("id")):
            found["recording", note] = (recorded, row)
        for shards in map(Shards, (*self.outputs, self.baseline_outputs)):
            for row, key in enumerate(zip(shards.column("system"), shards.column("note"), strict=True)):
                found[key] = (shards, row)
        return found

    def wave(self, system: str, note: str) -> tuple[np.ndarray | None, int]:
        """Return a note of a system, float32, (T, 1), and its sample rate in Hz; None and 0 if it made none."""
        if (system, note) not in self.sounds:
            return None, 0
        shards, row = self.sounds[system, note]
        return to_float(shards.read(row)), round(float(shards.column("sample_rate")[row]))

    def clip(self, system: str, note: str, figures: Sequence[str] = ()) -> Clip:
        """Return the player of a note of a system, as loud as the recording, without sound if it made none.

        Args:
            system: name of the system.
            note: id of the note.
            figures: scores of the note, as text.
        """
        (wave, rate), (recorded, _) = self.wave(system, note), self.wave("recording", note)
        level = level_of(recorded, rate) if recorded is not None and rate else float("nan")
        return player(f"{name_of(system)}, note {note}", wave, level, rate, figures)


def write_report(folder: Path, study: Study) -> dict[str, Any]:
    """Write report.html, metrics.json, table_1.tex, model_card.md and scores.parquet into `folder`.

    Returns:
        Size of the page in "megabytes", names of the trained "variants", and number of test "notes".

    Example:
        >>> write_report(Path("report"), study)
    """
    with settings_of_systems(study.settings):
        return _write(folder, study)


def _write(folder: Path, study: Study) -> dict[str, Any]:
    """Do what `write_report` does, with systems named with their settings."""
    cost = read_json(study.cost / "cost.json")
    found = acceptance_criteria(study.all_scores, study.bounds)
    del found["better_than_champion"]
    where = f"{study.provenance['data']}, preset {study.provenance['preset']}"
    beyond = [paired_table(study.all_scores, name) for name in BEYOND if name in study.scores]
    tables = [systems_table(study.all_scores), paired_table(study.all_scores), *beyond]
    if study.in_use is not None:
        tables.append(in_use_table(next(iter(study.scores.values())), study.in_use))
    paper = paper_tables(study.scores, cost, where, comparable=study.provenance["data"] != EMBEDDED)
    summary = [
        f"{one.meaning}: {number(one.found)} (asked: {number(one.bound)}) – {'passed' if one.passed else 'not passed'}"
        + ("." if one.required else ", not required of this preset.")
        for one in found.values()
    ]
    document = Document(
        "Synthesis: SING on unseen notes",
        [f"Measured on {where}.", *(line[0].upper() + line[1:] for line in summary)],
        list(study.provenance.items()),
        [
            Section("Systems compared", [*tables, _distribution(study), _checks(study, found)]),
            Section("Listen", list(player_blocks(study))),
            *([Section("Listening tests", study.listening)] if study.listening else []),
            Section("The paper's tables", paper),
            Section("Instruments as learnt", instrument_blocks(study.instruments, study.sweeps, study.notes)),
            Section("Control", control_blocks(study.notes, study.control, study.sweeps)),
            Section("Training", _training(study)),
        ],
        [*METRICS.items(), *_METHODS],
        front_of(study, found, read_json(study.control / "control.json"), ordered(study)),
        palette_of(study.all_scores),
        _FILES,
    )
    size = write_document(folder, document)
    metrics = _machine_twin(study, cost, found)
    write_json(folder / "metrics.json", metrics)
    write_bytes(folder / "table_1.tex", latex(paper[0]).encode())
    measured = {name: one["mean"] for name, one in metrics["test"].get("sing", {}).items()}
    write_bytes(folder / "model_card.md", model_card(CARD, study.provenance, tables[0], measured, found).encode())
    write_frame(folder / "scores.parquet", study.all_scores)
    return {
        **size,
        "variants": ", ".join(study.scores),
        "notes": int(tables[0].rows[0][1]),
    }


CARD = Card(
    name="SING",
    tags=("audio", "music", "synthesis"),
    task="audio-synthesis",
    task_name="instrument notes from labels",
    data_type="nsynth",
    split="unseen (instrument, pitch)",
    title="SING: instrument notes from (instrument, pitch, velocity)",
    told=(
        "Architecture and training follow Défossez et al. 2018 (arXiv 1810.09785), implemented anew.",
        "It plays the instruments it was trained on, at pitches and velocities between those it heard.",
        "It cannot play instruments it has not heard, and does not model phase.",
    ),
    heading="Measured on unseen (instrument, pitch) pairs",
)
_FILES = (
    ("metrics.json", "numbers, checks, provenance and definitions, for programs"),
    ("scores.parquet", "every metric of every note of every system"),
    ("table_1.tex", "the paper's first table in LaTeX"),
    ("tables.tex", "all tables of this page in LaTeX (package booktabs)"),
    ("model_card.md", "model card with a model-index, for model hubs"),
)
_METHODS = (
    (
        "Test notes",
        "all notes of (instrument, pitch) pairs of which no recording was trained on; velocities of a pair stay "
        "together. With pitch-shifted training notes (presets demo and small) shifted neighbours may carry its labels",
    ),
    ("Interval", OF_MEANS.format("instruments")),
    ("Seeds", "each network was trained once, from one seed; intervals are over instruments, not over trainings"),
    ("Pitch tracker", "YIN, 128 ms frames every 32 ms, 30 Hz high-pass, frames within 30 dB of the loudest"),
    ("Not applicable", "what cannot be measured is left out of a mean; “of N” then says of how many; never a score"),
    (
        "Sound",
        "16-bit PCM; synthesised samples beyond full scale are clipped, and the 512 samples of margin that the network "
        "makes at each end are cut off, before judging and playing",
    ),
)


def _distribution(study: Study) -> Spread:
    """Return the chart of the spectral loss of each system on the test notes."""
    test = study.all_scores[study.all_scores["split"] == "test"]
    values = {
        name_of(one): dict(zip(part["note"].astype(str), part["spectral"].astype(float), strict=True))
        for one in SHOWN
        for part in [test[test["system"] == one]]
        if len(part)
    }
    return Spread(
        "How much does the spectral loss differ from note to note?", "spectral loss (smaller is better)", values, "note"
    )


def _checks(study: Study, tested: Mapping[str, Criterion]) -> Table:
    """Return the table of the checks on the validation notes, which decide on promotion, and on the test notes."""
    valid = acceptance_criteria(study.all_scores, study.bounds, split="valid")
    rows = [
        [
            title_of(name),
            *(f"{number(one.found)} ({'passed' if one.passed else 'not passed'})" for one in (valid[name], on_test)),
            number(on_test.bound),
            "yes" if on_test.required else "no",
        ]
        for name, on_test in tested.items()
    ]
    return Table(
        "Checks: the validation notes decide on promotion, the test notes only report",
        ["Check", "Validation notes", "Test notes", "Asked", "Required"],
        rows,
        note="“Better” than a copy means that the whole 95 % interval of the ratio is below 1.",
    )


def _training(study: Study) -> list[Block]:
    """Return the loss curves of all stages and the table of champions so far."""
    blocks: list[Block] = [*training_charts(study.histories)]
    if study.champions:
        rows = [
            [str(place), one["model"][:12], one["commit"], *(number(value) for value in one["criteria"].values())]
            for place, one in enumerate(study.champions, 1)
        ]
        checks = map(title_of, study.champions[-1]["criteria"])
        blocks.append(Table("Champions so far", ["Number", "Model", "Commit", *checks], rows, words=3))
    else:
        blocks.append(Text("No model has passed every check yet, so there is no champion."))
    return blocks


def _machine_twin(study: Study, cost: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of metrics.json: summaries of the test scores, acceptance checks and provenance."""
    test = study.all_scores[study.all_scores["split"] == "test"]
    systems: dict[str, dict[str, Any]] = {}
    for one in summarise(test, list(METRICS), group="instrument").to_dict("records"):
        if one["count"]:
            kept = in_json({name: one[name] for name in ("mean", "low", "high", "count", "missing")})
            systems.setdefault(one["system"], {})[one["metric"]] = kept
    return {
        "schema": SCHEMA_VERSION,
        "system": "synthesis",
        "provenance": dict(study.provenance),
        "test": systems,
        "checks": as_json(found),
        "cost": dict(cost),
        "control": read_json(study.control / "control.json"),
        "instruments": read_json(study.instruments / "map.json"),
        "definitions": METRICS,
    }
