"""Tables of variants of a system: means of each, and paired differences of each other variant and the first one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from eval.conversion.measures import CORR, KEYFREE, MEASURES, there_in
from eval.conversion.systems import CLEAN, GROUP, TEST, condition_name, conditions_of, scored
from eval.conversion.tables import cell, summary_of
from eval.report.blocks import Table
from eval.report.document import Block
from eval.report.numbers import UNKNOWN, chance, with_interval
from eval.statistics import compare, holm
from eval.table import interval_of

SHOWN_CONDITIONS = (CLEAN, "snr5", "snr0")
VOICE = (KEYFREE, CORR, "speaker_target", "nearer", "character_error")
_VARIANT = "variant"


@dataclass(frozen=True)
class Variants:
    """How a study of variants is told.

    Attributes:
        caption: caption of its table.
        by: columns whose values name a variant.
        measures: columns that are shown.
        note: text below the table.
        names: heading of each column of `by`.
    """

    caption: str
    by: Sequence[str] = (_VARIANT,)
    measures: Sequence[str] = VOICE
    note: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def variants_table(scores: pd.DataFrame, variants: Variants) -> Table:
    """Return the mean of each variant, a column per measure and condition.

    Args:
        scores: score table with the columns `variants.by`.
        variants: how the study is told.
    """
    part = _with_text(scored(scores, TEST), variants.by)
    shown = conditions_of(part, SHOWN_CONDITIONS)
    there = there_in(part, tuple(variants.measures))
    found = summary_of(part, there, (*variants.by, "condition"))
    rows = []
    for key in part[list(variants.by)].drop_duplicates().itertuples(index=False):
        keys = dict(zip(variants.by, key, strict=True))
        clips = part.loc[(part[list(variants.by)] == list(key)).all(axis=1), "clip"].nunique()
        cells = [
            cell(interval_of(found, one, condition=condition, **keys), one) for one in there for condition in shown
        ]
        rows.append([*map(str, key), str(clips), *cells])
    heads = [f"{MEASURES[one].heading}, {condition_name(condition)}" for one in there for condition in shown]
    names = [variants.names.get(one, one.capitalize()) for one in variants.by]
    note = f"Mean over test clips and 95 % interval, songs resampled whole. {variants.note}".strip()
    lead = len(names) + 1 + len(shown)
    return Table(variants.caption, [*names, "Clips", *heads], rows, words=len(names), note=note, lead=lead)


def variant_blocks(scores: pd.DataFrame, variants: Variants) -> list[Block]:
    """Return the table of variants, and paired differences of each other variant and the first one.

    Args:
        scores: score table with the column `variant`, the main variant first.
        variants: how the study is told.
    """
    blocks: list[Block] = [variants_table(scores, variants)]
    part = scored(scores, TEST)
    names = list(dict.fromkeys(part[_VARIANT]))
    there, shown = there_in(part, tuple(variants.measures)), conditions_of(part, SHOWN_CONDITIONS)
    if len(names) < 2 or not there:
        return blocks
    columns = [(measure, condition) for measure in there for condition in shown]
    cells: dict[str, list[str]] = {one: [] for one in names[1:]}
    for measure, condition in columns:
        for name, text in _differences(part[part["condition"] == condition], names, measure).items():
            cells[name].append(text)
    heads = [f"{MEASURES[measure].heading}, {condition_name(condition)}" for measure, condition in columns]
    note = "Mean difference and 95 % interval on the same clips; p: Wilcoxon signed-rank test over songs (Holm)."
    rows = [[name, *some] for name, some in cells.items()]
    return [
        *blocks,
        Table(f"Each variant less “{names[0]}”", ["Variant", *heads], rows, note=note, lead=1 + len(shown)),
    ]


def _differences(part: pd.DataFrame, names: Sequence[str], measure: str) -> dict[str, str]:
    """Return the difference of each other variant and the first one in one condition, as text."""
    wide = part.pivot(index="clip", columns=_VARIANT, values=measure)
    groups = part.drop_duplicates("clip").set_index("clip")[GROUP].reindex(wide.index).tolist()
    smaller, digits = MEASURES[measure].better != "larger", MEASURES[measure].digits
    found = {}
    for name in names[1:]:
        if name in wide and names[0] in wide:
            ours, theirs = (np.asarray(wide[one], float) for one in (name, names[0]))
            found[name] = compare(ours, theirs, groups, smaller_is_better=smaller)
    chances = holm({name: one.p for name, one in found.items()})
    told = {}
    for name in names[1:]:
        one = found.get(name)
        if one is None or not one.difference.count:
            told[name] = UNKNOWN
            continue
        between = one.difference
        shown = with_interval(between.mean, between.low, between.high, digits=digits, signed=True)
        told[name] = f"{shown}\np {chance(chances[name])}".replace(" ", "\u00a0")
    return told


def _with_text(part: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the table with these columns as text: yes and no for truth values."""
    words = {True: "yes", False: "no"}
    texts = {one: part[one].map(words) if part[one].dtype == bool else part[one].astype(str) for one in columns}
    return part.assign(**texts)
