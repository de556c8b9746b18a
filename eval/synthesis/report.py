"""The synthesis report: HTML page, metrics as JSON, LaTeX table, model card and scores.

The page compares notes of SING with recordings and with other systems, by scores and by sound players.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.files.durable import in_json, read_json, write_bytes, write_json
from data.files.tables import write_frame
from eval.acceptance import Criterion, as_json, title_of
from eval.intervals import OF_MEANS
from eval.report.blocks import Table, Text
from eval.report.document import Block, Document, Section
from eval.report.exports import Card, latex, model_card
from eval.report.naming import settings_of_systems
from eval.report.numbers import number
from eval.report.spreads import Spread
from eval.report.training import training_charts
from eval.report.writing import write_document
from eval.synthesis.acceptance import acceptance_criteria
from eval.synthesis.disentanglement_report import control_blocks
from eval.synthesis.front import front_of
from eval.synthesis.instrument_map import instrument_blocks
from eval.synthesis.note_metrics import METRICS
from eval.synthesis.players import ordered, player_blocks
from eval.synthesis.report_input import Study
from eval.synthesis.tables import (
    BEYOND,
    EMBEDDED,
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
