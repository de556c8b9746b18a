"""Write the conversion report: one HTML page on melody, converted voices and vocoder, and machine-readable files.

The page compares all systems from clean voices to accompaniment at 0 dB, with published results and with each other,
and has players for listening. The other files are metrics.json, scores.parquet, melody_scores.parquet,
vocoder_scores.parquet, systems.tex and model_card.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from data.files.durable import in_json, write_bytes, write_json
from data.files.tables import write_frame
from eval.acceptance import Criterion, as_json
from eval.conversion import melody_score, score, vocoder_score
from eval.conversion.acceptance import acceptance_criteria
from eval.conversion.chapters import conversion_sections, limits
from eval.conversion.front import front_of
from eval.conversion.measures import KEYFREE, MEASURES, OA, RPA, definitions, figure, there_in
from eval.conversion.report_input import Study
from eval.conversion.systems import (
    CLEAN,
    GRID,
    MAIN,
    TEST,
    condition_name,
    conditions_of,
    palette_of,
    scored,
    systems_of,
)
from eval.conversion.tables import ALL_OF_MELODY, ALL_OF_VOICE, summary_of, systems_table
from eval.intervals import OF_MEANS
from eval.report.document import Document, Section
from eval.report.exports import Card, latex, model_card
from eval.report.naming import settings_of_systems
from eval.report.numbers import number
from eval.report.writing import write_document

SCHEMA_VERSION = 1


def write_report(folder: Path, study: Study) -> dict[str, Any]:
    """Write the report page and its machine-readable files.

    Args:
        folder: folder for report.html, metrics.json, systems.tex, model_card.md and the tables of scores.
        study: the input of the report.

    Returns:
        Size of the page ("megabytes") and number of "clips" and "systems" in it.

    Example:
        >>> folders = Folders(voices, targets, mixtures, [converted], [melodies])
        >>> write_report(Path("report"), Study(folders, scores, Bounds(), {"data": "MIR-1K", "preset": "small"}))
    """
    with settings_of_systems(study.settings):
        return _write(folder, study)


def _write(folder: Path, study: Study) -> dict[str, Any]:
    """Do what `write_report` does, with systems named with their settings."""
    found = acceptance_criteria(study.evidence, study.bounds)
    table = systems_table(study.scores, ALL_OF_VOICE, CLEAN, "Converted voices of clean singing: mean over test clips")
    sections = [Section(title, blocks) for title, blocks in conversion_sections(study, table) if blocks]
    document = Document(
        "Conversion: singing in another voice",
        _summary(study, found),
        list(study.provenance.items()),
        sections,
        [*definitions().items(), *_METHODS],
        front_of(study, found),
        palette_of(study.scores, study.melody),
        _FILES,
    )
    size = write_document(folder, document)
    metrics = _machine_twin(study, found)
    write_json(folder / "metrics.json", metrics)
    write_bytes(folder / "systems.tex", latex(table).encode())
    card = replace(CARD, data_type="synthetic") if study.embedded else CARD
    measured = {name: one["mean"] for name, one in metrics["conversion"].get(MAIN, {}).get(CLEAN, {}).items()}
    write_bytes(folder / "model_card.md", model_card(card, study.provenance, table, measured, found).encode())
    frames = {score.TABLE: study.scores, melody_score.TABLE: study.melody, vocoder_score.TABLE: study.vocoder}
    for name, frame in frames.items():
        if len(frame):
            write_frame(folder / name, frame)
    return {
        **size,
        "clips": len(study.order),
        "systems": len(systems_of(scored(study.scores, TEST))),
    }


CARD = Card(
    name="Singing voice conversion with accompaniment",
    tags=("audio", "music", "voice-conversion", "singing"),
    task="audio-to-audio",
    task_name="singing with accompaniment to a target singer's voice",
    data_type="singing",
    split="test singers, clean voices, mean over clips",
    title="Singing voice conversion with accompaniment",
    told=(
        "The system follows Chen et al. 2025 (arXiv 2502.04722), implemented anew; what the paper does not state is a",
        "default of ours. It sings what it hears in the voice it was trained on, with or without accompaniment, and",
        "leaves the accompaniment out. It can misread words and notes, most where the accompaniment is loud. Convert",
        "only into the voice of a singer who agrees to it.",
    ),
    heading="Measured on test singers",
)
_FILES = (
    ("metrics.json", "numbers, checks, provenance and definitions, for programs"),
    (score.TABLE, "every measure of every converted voice of every system"),
    ("systems.tex", "the table of all systems in LaTeX"),
    ("tables.tex", "all tables of this page in LaTeX (package booktabs)"),
    ("model_card.md", "model card with a model-index, for model hubs"),
)
_METHODS = (
    ("Clips", "of singers and songs that nothing was trained on, with accompaniments of other songs"),
    ("dB", "power of voice to accompaniment on sung frames; the voice is at the same level in every condition"),
    ("Frames", "100 a second; a frame is voiced where its reference says so"),
    ("Judge", "the tracker that finds the melody of converted voices is none that a system was trained with"),
    ("Not applicable", "a measure without enough voiced frames has no value; it is counted, not scored"),
    ("Interval", OF_MEANS.format("songs")),
    ("Seeds", "each network was trained once, from one seed; intervals are over songs, not over trainings"),
    ("Original pitch & energy", "pitch and energy of the mixture by a tracker, through the same acoustic model"),
    ("CREPE", "the same with pitch by CREPE; “Separated + CREPE”: on vocals that a separator found first"),
    ("Copy of the source", "the source's clean voice: what measures of melody say of no conversion at all"),
)


def _summary(study: Study, found: Mapping[str, Criterion]) -> list[str]:
    """Return the summary of the page: test data, means, acceptance criteria and limits, a line each."""
    lines = [f"Measured on {study.where}, preset {study.provenance['preset']}."]
    if study.embedded:
        lines.append("This singing was made by a program: no number here compares with any paper's.")
    for frame, measures, what in ((study.melody, (RPA, OA), "melody"), (study.scores, (KEYFREE,), "converted voice")):
        part = scored(frame, TEST) if len(frame) else frame
        mine = part[part["system"] == MAIN] if len(part) else part
        for measure in there_in(mine, measures):
            means = mine.groupby("condition")[measure].mean()
            shown = (f"{condition_name(one)} {figure(float(means[one]), measure)}" for one in conditions_of(mine, GRID))
            lines.append(f"{MEASURES[measure].heading} of the {what}: {', '.join(shown)}.")
    for one in found.values():
        passed = "passed" if one.passed else "not passed"
        meaning = one.meaning[0].upper() + one.meaning[1:]
        lines.append(f"{meaning}: {number(one.found)} (asked: {number(one.bound)}) – {passed}.")
    return [*lines, *limits(study)]


def _machine_twin(study: Study, found: Mapping[str, Criterion]) -> dict[str, Any]:
    """Return the content of metrics.json, the machine-readable form of the report."""
    vocoder = study.vocoder[study.vocoder["split"] == TEST] if len(study.vocoder) else study.vocoder
    return {
        "schema": SCHEMA_VERSION,
        "system": "conversion",
        "provenance": dict(study.provenance),
        "comparable_with_papers": not study.embedded,
        "melody": _numbers(study.melody, ALL_OF_MELODY),
        "conversion": _numbers(study.scores, ALL_OF_VOICE),
        "vocoder": {
            str(system): {
                one: float(part[one].mean()) for one in ("within_50_cents", "mr_stft") if part[one].notna().any()
            }
            for system, part in (vocoder.groupby("system", sort=False) if len(vocoder) else ())
        },
        "checks": as_json(found),
        "cost": dict(study.cost),
        "definitions": definitions(),
    }


def _numbers(scores: pd.DataFrame, measures: Sequence[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return means with intervals by system, condition and measure; measures without a value are left out."""
    part = scored(scores, TEST) if len(scores) else scores
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for one in summary_of(part, measures).to_dict("records"):
        if one["count"]:
            kept = in_json({name: one[name] for name in ("mean", "low", "high", "count", "missing")})
            found.setdefault(one["system"], {}).setdefault(one["condition"], {})[one["metric"]] = kept
    return found
