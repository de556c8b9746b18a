"""Tables and plots of the studies: ablation, layer weights, fine-tuning, genres, live sound, discriminators, targets.

Every study is optional; one that was not made has no section. The tables are score tables (`melody_scores.parquet` or
`scores.parquet`, system "proposed") with further columns that name the variant (`Studies`). Only test clips count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from eval.conversion.figures import layer_chart
from eval.conversion.judges import F0_COLUMNS
from eval.conversion.measures import KEYFREE, MEASURES, OA, RPA, there_in
from eval.conversion.systems import (
    CLEAN,
    GRADED,
    MAIN,
    TEST,
    condition_name,
    conditions_of,
    name_of,
    scored,
    systems_of,
)
from eval.conversion.tables import cell, condition_tables, summary_of
from eval.conversion.variants import SHOWN_CONDITIONS, VOICE, Variants, variant_blocks, variants_table
from eval.report.blocks import Table, Text
from eval.report.curves import Curves, Panel
from eval.report.document import Block
from eval.report.numbers import number
from eval.table import interval_of

_MELODY = (RPA, OA)


@dataclass(frozen=True)
class Studies:
    """The results of the studies; None for one that was not made.

    Attributes:
        ablation: melody scores with `encoder`, `layers` ("last" or "sum"), `fft` (bool: with FFT blocks) and `tuned`
            (in words or bool: whether the encoder is fine-tuned), a grid of extractors.
        layer_weights: `encoder`, `stage` ("before" or "after"), `layer` and `weight` (`layer_chart`).
        lengths: melody scores with `steps` of fine-tuning, and `content_error`, the error of a content task (smaller is
            better), the same for all rows of a number of steps: where it rises, the encoder forgets. Before fine-tuning
            (0 steps) there are no melody scores (`length_scores`).
        freezing: conversion scores with `variant`: the extractor frozen, fine-tuned with the rest, and regularised
            (distance to the pretrained weights, replay); the first variant is the main one.
        genres: melody scores with `heard` (bool): whether the accompaniment's genre was in the training.
        discriminators: conversion scores with `variant`: all three, each one left out, none; the first is the main one.
        targets: conversion scores of a model of several target singers, with `target`.
    """

    ablation: pd.DataFrame | None = None
    layer_weights: pd.DataFrame | None = None
    lengths: pd.DataFrame | None = None
    freezing: pd.DataFrame | None = None
    genres: pd.DataFrame | None = None
    discriminators: pd.DataFrame | None = None
    targets: pd.DataFrame | None = None


def study_sections(studies: Studies) -> list[tuple[str, list[Block]]]:
    """Return title and blocks of the section of each study that was made.

    Example:
        >>> [title for title, _ in study_sections(Studies(layer_weights=weights))]
        ['Layer weights']
    """
    weights, lengths, targets = studies.layer_weights, studies.lengths, studies.targets
    freezing, lost = studies.freezing, studies.discriminators
    chapters: list[tuple[str, list[Block]]] = [
        ("Ablation", ablation_blocks(studies.ablation) if studies.ablation is not None else []),
        ("Layer weights", [layer_chart(weights), _WEIGHTS] if weights is not None and len(weights) else []),
        ("Length of fine-tuning", length_blocks(lengths) if lengths is not None else []),
        ("Frozen or fine-tuned", variant_blocks(freezing, _FREEZING) if freezing is not None else []),
        ("Genres never heard", genre_blocks(studies.genres) if studies.genres is not None else []),
        ("Discriminators", variant_blocks(lost, _DISCRIMINATORS) if lost is not None else []),
        ("Several target singers", target_blocks(targets) if targets is not None else []),
    ]
    return [(title, blocks) for title, blocks in chapters if blocks]


_WEIGHTS = Text(
    "The paper tells that before fine-tuning the weights lie on the convolutions and the lower layers, and after it on "
    "the higher ones; its values are not published."
)
_FREEZING = Variants(
    "The extractor frozen, fine-tuned with the rest, or held near its pretrained weights",
    note="The paper fine-tunes the encoder on melody alone and then freezes the extractor; it names regularised "
    "fine-tuning of everything as an open question.",
)
_DISCRIMINATORS = Variants(
    "The three discriminators, and each left out",
    note="Paired differences: variant minus the first one, on the same clips.",
)


def ablation_blocks(ablation: pd.DataFrame) -> list[Block]:
    """Return the grid of extractors: encoder, layers, FFT blocks, fine-tuning (`Studies.ablation`)."""
    names = {"encoder": "Encoder", "layers": "Layers", "fft": "FFT blocks", "tuned": "Fine-tuned"}
    told = Variants(
        "Melody extractors: encoder, weighted sum or last layer, FFT blocks, fine-tuning",
        tuple(names),
        _MELODY,
        "The paper has this grid for HuBERT and WavLM; its numbers are not published.",
        names,
    )
    return [variants_table(ablation, told)]


def length_blocks(lengths: pd.DataFrame) -> list[Block]:
    """Return curves and a table of accuracy, and of what is forgotten, against the steps of fine-tuning."""
    part = scored(lengths, TEST)
    counts = sorted(set(part["steps"].astype(int)))
    shown = conditions_of(part, SHOWN_CONDITIONS)
    forgetting = bool("content_error" in part and part["content_error"].notna().any())
    found = summary_of(part, _MELODY, ("steps", "condition"))
    rows = []
    for count in counts:
        here = part[part["steps"] == count]
        cells = [cell(_at(found, measure, count, condition), measure) for measure in _MELODY for condition in shown]
        error = [number(float(here["content_error"].mean()), digits=3)] if forgetting else []
        rows.append([f"{count:,}", *cells, *error])
    heads = [f"{MEASURES[one].heading}, {condition_name(condition)}" for one in _MELODY for condition in shown]
    table = Table(
        "Steps of fine-tuning: mean over test clips and 95 % interval",
        ["Steps", *heads, *(["Error of the content task"] if forgetting else [])],
        rows,
        note="The paper fine-tunes for 5,000 steps. The content task: a linear probe names units of sound from the "
        "encoder's layers, on sung frames of the validation singers; where its error rises above that of 0 steps, the "
        "encoder forgets what it was pretrained for."
        if forgetting
        else "",
    )
    blocks: list[Block] = [*_length_chart(part, counts, shown, forgetting=forgetting)]
    return [*blocks, table]


def _at(found: pd.DataFrame, measure: str, steps: int, condition: str) -> Any:
    """Return the interval of one number of steps in one condition; None if there is none."""
    return interval_of(found[found["steps"] == steps], measure, condition=condition)


def _length_chart(part: pd.DataFrame, counts: list[int], shown: Sequence[str], *, forgetting: bool) -> list[Curves]:
    """Return the curves of `length_blocks`; nothing for a single number of steps."""
    if len(counts) < 2:
        return []
    places, ticks, panels = list(range(len(counts))), [f"{one:,}" for one in counts], []
    for measure in there_in(part, _MELODY):
        means = (
            part.groupby(["condition", "steps"])[measure].mean().unstack().reindex(index=list(shown), columns=counts)
        )
        curves = {condition_name(str(one)): row.to_numpy(float) for one, row in means.iterrows()}
        one = MEASURES[measure]
        panels.append(Panel(one.heading, "larger is better", places, curves, ticks, digits=one.digits))
    if forgetting:
        errors = part.groupby("steps")["content_error"].mean().reindex(counts).to_numpy(float)
        panels.append(
            Panel("Error of the content task", "smaller is better", places, {"content": errors}, ticks, digits=3)
        )
    question = "How long should the encoder be fine-tuned before it forgets?"
    return [Curves(question, panels, "steps", "Means over test clips.")]


def length_scores(scores: pd.DataFrame, errors: Mapping[int, float]) -> pd.DataFrame:
    """Return the table `Studies.lengths` of the scores of melodies by extractors after so many steps.

    Args:
        scores: melody scores of systems named `after<steps>`.
        errors: error of the content task by steps. For steps without a system, as 0, the rows have no melody scores.

    Example:
        >>> length_scores(scores, {0: 0.71, 1000: 0.74, 5000: 0.82})["steps"].unique()
        array([   0, 1000, 5000])
    """
    blank = scores.assign(**dict.fromkeys(F0_COLUMNS, np.nan), reason=None).drop_duplicates(["clip", "condition"])
    found = {steps: scores[scores["system"] == f"after{steps}"] for steps in errors}
    frames = [
        (rows if len(rows) else blank).assign(system=MAIN, steps=steps, content_error=errors[steps])
        for steps, rows in found.items()
    ]
    return pd.concat(frames, ignore_index=True)


def genre_blocks(genres: pd.DataFrame) -> list[Block]:
    """Return the melody accuracy by genre of the accompaniment, heard in training and not (`Studies.genres`)."""
    told = Variants(
        "Melody by genre of the accompaniment",
        ("genre", "heard"),
        _MELODY,
        "“Heard”: accompaniments of this genre were in the training, though none of these songs.",
        {"genre": "Genre", "heard": "Heard"},
    )
    mixed = genres[genres["condition"] != CLEAN]
    return [variants_table(mixed, told)] if len(mixed) else []


def target_blocks(targets: pd.DataFrame) -> list[Block]:
    """Return the scores of one model that converts to several target singers, by target (`Studies.targets`)."""
    told = Variants("Several target singers in one model", ("target",), VOICE, names={"target": "Target singer"})
    return [variants_table(targets, told)]


def graded_blocks(melody: pd.DataFrame, scores: pd.DataFrame) -> list[Block]:
    """Return the tables of the graded set: clean lead, harmony, separated lead, reverberation, crowd.

    Nothing is returned if only clean leads were judged.
    """
    blocks: list[Block] = []
    for frame, measures, what in ((melody, _MELODY, "melody"), (scores, (KEYFREE, "vuv_error"), "converted voice")):
        if len(frame) and conditions_of(scored(frame, TEST), GRADED):
            blocks += condition_tables(frame, measures, what, (CLEAN, *GRADED))
    return blocks


def by_genre(scores: pd.DataFrame, measure: str) -> Table | None:
    """Return one measure by genre of the accompaniment, all conditions with one; None with fewer than two genres."""
    part = scored(scores, TEST) if len(scores) else scores
    part = part[part["genre"].fillna("") != ""] if len(part) else part
    if not len(part) or part["genre"].nunique() < 2:
        return None
    found = summary_of(part, (measure,), ("system", "genre"))
    genres = list(dict.fromkeys(part["genre"]))
    rows = [
        [name_of(system), *(cell(interval_of(found, measure, system=system, genre=one), measure) for one in genres)]
        for system in systems_of(part)
    ]
    return Table(f"{MEASURES[measure].heading} by genre of the accompaniment", ["System", *genres], rows)
