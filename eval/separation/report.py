"""Write the separation report: one HTML page on how well the systems separate vocals, and machine-readable files.

The page compares all systems with lower and upper bounds and with published results, and has players for listening.
The other files are metrics.json, scores.parquet, seconds.parquet, systems.tex and model_card.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.files.durable import in_json, write_bytes, write_json
from data.files.tables import write_frame
from eval.acceptance import Criterion, as_json
from eval.intervals import Median
from eval.metrics.sdr import DEFINITIONS
from eval.report.blocks import Table, Text
from eval.report.document import Block, Document, Section
from eval.report.exports import latex, model_card
from eval.report.naming import settings_of_systems
from eval.report.numbers import number
from eval.report.training import training_charts
from eval.report.writing import write_document
from eval.separation.acceptance import acceptance_criteria
from eval.separation.champions import champion_blocks
from eval.separation.figures import distribution_charts, seconds_charts
from eval.separation.front import front_of, what_to_trust
from eval.separation.methods import CARD, FILES, METHODS
from eval.separation.paper_results import TEST_SECONDS, TEST_SONGS
from eval.separation.paper_tables import published_tables
from eval.separation.players import Sounds, player_blocks
from eval.separation.report_input import Study
from eval.separation.song_map import song_map_blocks
from eval.separation.study_report import cost_blocks, noise_blocks, steps_blocks, variants_blocks, weights_blocks
from eval.separation.tables import (
    CEILING,
    MIXTURE,
    failures_table,
    figure,
    heading,
    medians,
    name_of,
    paired_table,
    palette_of,
    systems_of,
    systems_tables,
    tracks_table,
)

SCHEMA_VERSION = 1
_SHOWN = ("uSDR", "specific loudness error")


def write_report(folder: Path, study: Study) -> dict[str, Any]:
    """Write the report page and its machine-readable files.

    Args:
        folder: folder for report.html, metrics.json, systems.tex, model_card.md, scores.parquet and seconds.parquet.
        study: the input of the report.

    Returns:
        Size of the page ("megabytes") and number of "songs" and "systems" in it.

    Example:
        >>> provenance = {"data": "MUSDB18-HQ", "preset": "small"}
        >>> write_report(Path("report"), Study(songs, [estimates], scores, seconds, Bounds(), provenance))
    """
    with settings_of_systems(study.settings):
        return _write(folder, study)


def _write(folder: Path, study: Study) -> dict[str, Any]:
    """Do what `write_report` does, with systems named with their settings."""
    found = acceptance_criteria(study.scores, study.bounds)
    tables = list(systems_tables(study.scores))
    document = Document(
        "Separation: vocals out of the mixture",
        _summary(study, found),
        list(study.provenance.items()),
        _sections(study, tables),
        [*DEFINITIONS.items(), *METHODS],
        front_of(study, found),
        palette_of(study.scores),
        FILES,
    )
    size = write_document(folder, document)
    metrics = _machine_twin(study, found)
    write_json(folder / "metrics.json", metrics)
    write_bytes(folder / "systems.tex", latex(tables[0]).encode())
    card = replace(CARD, data_type="synthetic") if study.embedded else CARD
    measured = {name: one["median"] for name, one in metrics["test"][study.main].items()}
    write_bytes(folder / "model_card.md", model_card(card, study.provenance, tables[0], measured, found).encode())
    for name, frame in (("scores", study.scores), ("seconds", study.seconds)):
        write_frame(folder / f"{name}.parquet", frame)
    return {**size, "songs": len(study.order), "systems": len(metrics["test"])}


def _summary(study: Study, found: Mapping[str, Criterion]) -> list[str]:
    """Return the summary of the page: test data, medians and acceptance criteria, one sentence each."""
    lines = [f"Measured on {study.where}, preset {study.provenance['preset']}."]
    if study.embedded:
        lines.append("These songs were made by a program: no number here compares with any paper's.")
    gathered = medians(study.tracks)
    shown = [one for one in (MIXTURE, *study.played, CEILING) if one in gathered]
    for metric in _SHOWN:
        values = (f"{name_of(one).lower()} {figure(gathered[one][metric].median, metric)}" for one in shown)
        lines.append(f"Median {heading(metric)}: {', '.join(values)}.")
    for one in found.values():
        meaning = one.meaning[0].upper() + one.meaning[1:]
        passed = "passed" if one.passed else "not passed"
        lines.append(f"{meaning}: {number(one.found)} (asked: {number(one.bound)}) – {passed}.")
    return lines


def _sections(study: Study, tables: Sequence[Table]) -> list[Section]:
    """Return the sections of the page; those without content are left out."""
    others = [one for one in systems_of(study.scores) if one != study.main]
    names = {one: name_of(one) for one in systems_of(study.scores)}
    lost = failures_table(study.scores)
    compared = [
        *tables,
        *([lost] if lost else []),
        what_to_trust(study),
        paired_table(study.tracks, study.main, others, names),
    ]
    whole = "" if study.embedded else f" (the whole test set: {TEST_SONGS} songs, {TEST_SECONDS:,} s, 44.1 kHz stereo)"
    papers = published_tables(study.tracks, study.where + whole, comparable=not study.embedded)
    over_time = seconds_charts(study.seconds, study.order, study.played)
    sounds = Sounds(study.songs, study.estimates)
    chapters: list[tuple[str, Sequence[Block]]] = [
        ("Systems compared", [*compared, *distribution_charts(study.tracks, _SHOWN)]),
        ("Champion", [*champion_blocks(study.validation, study.champions)] if study.champions is not None else []),
        ("Compared with what is in use", _against_what_is_in_use(study)),
        ("Listen", player_blocks(sounds, study.scores, study.order, study.played)),
        ("Listening tests", study.listening),
        ("Song by song", [tracks_table(study.tracks, study.order), *over_time]),
        ("Songs", song_map_blocks(sounds, study.tracks, study.order, study.played)),
        ("Steps of DDIM", steps_blocks(study.steps) if study.steps is not None else []),
        ("Noise on the latent", noise_blocks(study.noise) if study.noise is not None else []),
        ("Moving average", weights_blocks(study.weights) if study.weights is not None else []),
        ("Variants", variants_blocks(study.variants) if study.variants else []),
        ("Cost", cost_blocks(study.cost) if study.cost else []),
        ("Beside papers", [_DEFINED, *papers]),
        ("Training", training_charts(study.histories)),
    ]  # fmt: skip
    return [Section(title, blocks) for title, blocks in chapters if blocks]


def _against_what_is_in_use(study: Study) -> list[Block]:
    """Return the scores of an experiment beside those of the system in use; nothing if these are not given."""
    if study.in_use is None:
        return []
    return variants_blocks({"this experiment": study.scores, "in use": study.in_use})


_DEFINED = Text(
    "“SDR” names several things that differ by decibels on the same sound. Every number below has its definition "
    "beside it; numbers of different definitions, songs, rates or channels do not compare."
)


def _machine_twin(study: Study, found: Mapping[str, Criterion]) -> dict[str, Any]:
    """Return the content of metrics.json, the machine-readable form of the report."""
    clean = study.tracks[study.tracks["errata"].fillna("") == ""]
    return {
        "schema": SCHEMA_VERSION,
        "system": "separation",
        "provenance": dict(study.provenance),
        "comparable_with_papers": not study.embedded,
        "test": _numbers(medians(study.tracks)),
        "test_without_known_defects": _numbers(medians(clean)),
        "checks": as_json(found),
        "cost": dict(study.cost),
        "definitions": DEFINITIONS,
    }


def _numbers(found: Mapping[str, Mapping[str, Median]]) -> dict[str, dict[str, Any]]:
    """Return medians as values for JSON: metrics without a value are left out, NaN and infinite numbers become null."""
    return {
        system: {metric: in_json(vars(one)) for metric, one in values.items() if one.count}
        for system, values in found.items()
    }
