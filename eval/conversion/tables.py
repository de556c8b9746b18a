"""Tables of the conversion report on systems, conditions and clips.

A cell is "mean [95 % interval]" over clips, whole songs resampled; a dash if there is no such value, "no value" if it
could not be measured; "n of N" if some clips have no value.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from eval.conversion.comparisons import compare
from eval.conversion.measures import CORR, KEYFREE, MEASURES, OA, RMSE_LN, RPA, figure, there_in
from eval.conversion.systems import (
    CLEAN,
    GROUP,
    MAIN,
    TEST,
    condition_name,
    conditions_of,
    name_of,
    scored,
    systems_of,
)
from eval.intervals import Interval
from eval.report.blocks import Table
from eval.report.numbers import NONE, UNKNOWN, chance, with_interval
from eval.table import interval_of, summarise

MELODY_SHOWN = (RPA, OA, "rca", "voicing_recall", "voicing_false_alarm")
VOICE_SHOWN = (KEYFREE, CORR, RMSE_LN, "vuv_error", "speaker_target", "nearer", "speech_quality")
ALL_OF_VOICE = (
    KEYFREE, "key_shift_cents", CORR, RMSE_LN, "f0_rmse_zlog", "f0_rmse_hz", "f0_corr_all", "vuv_error", "rpa_keyfree",
    "mcd_dtw", "mel_db", "speaker_target", "speaker_source", "nearer", "speech_quality", "silence_db",
    "loudness_db", "gain_db", "character_error", "word_error", "source_character_error", "source_word_error",
)  # fmt: skip
ALL_OF_MELODY = (
    RPA, "rca", OA, "voicing_recall", "voicing_false_alarm", "vuv_error", CORR, RMSE_LN, KEYFREE, "gpe", "fpe_cents",
    "ffe",
)  # fmt: skip
_KEPT = "\u00a0"  # non-breaking space


def summary_of(
    scores: pd.DataFrame, measures: Sequence[str], by: Sequence[str] = ("system", "condition")
) -> pd.DataFrame:
    """Return mean and interval of measures over clips, songs resampled whole, by system and condition.

    Args:
        scores: rows that are scores, with the column `group` (`eval.conversion.systems.scored`).
        measures: columns; those that the table lacks are left out.
        by: columns that name a system.
    """
    there = [one for one in measures if one in scores]
    return summarise(scores, there, by, GROUP) if len(scores) and there else pd.DataFrame(columns=[*by, "metric"])


def cell(one: Interval | None, measure: str) -> str:
    """Return a mean with its interval as text, and the number of clips if some of them have no value."""
    if one is None:
        return "–"
    if not one.count:
        return UNKNOWN
    counted = f", {one.count}{_KEPT}of{_KEPT}{one.count + one.missing}" if one.missing else ""
    value, _, shown = with_interval(one.mean, one.low, one.high, digits=MEASURES[measure].digits).partition(" ")
    return f"{value}\n{shown.replace(' ', _KEPT)}{counted}"


def condition_tables(
    scores: pd.DataFrame, measures: Sequence[str], what: str, conditions: Sequence[str]
) -> list[Table]:
    """Return one table per measure: systems by conditions, test clips.

    Args:
        scores: table of melody or conversion scores.
        measures: columns to show; those without any value are left out.
        what: what is scored, for the captions: "melody" or "converted voice".
        conditions: conditions to show, in order; those without scores are left out.
    """
    part = scored(scores, TEST) if len(scores) else scores
    shown = conditions_of(part, conditions) if len(part) else []
    if not shown:
        return []
    found = summary_of(part, measures)
    tables = []
    for measure in there_in(part, tuple(measures)):
        rows = [
            [name_of(system), *(cell(_known(found, measure, system, one), measure) for one in shown)]
            for system in systems_of(part)
        ]
        kept = [row for row in rows if any(one not in (NONE, UNKNOWN) for one in row[1:])]
        better = MEASURES[measure].better
        tables.append(
            Table(
                f"{MEASURES[measure].heading} of the {what}: mean over test clips and 95 % interval",
                ["System", *map(condition_name, shown)],
                kept,
                note=f"{MEASURES[measure].definition[0].upper()}{MEASURES[measure].definition[1:]}"
                + (f"; {better} is better." if better else "."),
            )
        )
    return tables


def _known(found: pd.DataFrame, measure: str, system: str, condition: str) -> Interval | None:
    """Return the interval of a system in a condition; None if it was not given that condition."""
    return interval_of(found, measure, system=system, condition=condition)


def systems_table(scores: pd.DataFrame, measures: Sequence[str], condition: str, caption: str) -> Table:
    """Return a table of all systems with all measures in one condition, test clips.

    Args:
        scores: table of melody or conversion scores.
        measures: columns to show; those without any value are left out.
        condition: name of the condition.
        caption: caption of the table.
    """
    part = scored(scores, TEST, [condition]) if len(scores) else scores
    there = there_in(part, tuple(measures))
    found = summary_of(part, there)
    rows = []
    for system in systems_of(part) if len(part) else []:
        clips = part.loc[part["system"] == system, "clip"].nunique()
        rows.append(
            [name_of(system), str(clips), *(cell(_known(found, one, system, condition), one) for one in there)]
        )  # fmt: skip
    return Table(
        caption,
        ["System", "Clips", *(MEASURES[one].heading for one in there)],
        rows,
        note="Interval: bootstrap over whole songs. “n of N”: the measure does not apply to the other clips.",
        lead=6,
    )


def paired_table(scores: pd.DataFrame, measures: Sequence[str], condition: str, what: str) -> Table | None:
    """Return paired differences between the main system and each other one in one condition; None if there is none.

    Args:
        scores: table of melody or conversion scores.
        measures: columns to compare.
        condition: name of the condition.
        what: what is scored, for the caption.
    """
    part = scored(scores, TEST, [condition]) if len(scores) else scores
    others = [one for one in systems_of(part) if one != MAIN] if len(part) else []
    there = there_in(part, tuple(measures))
    cells: dict[str, list[str]] = {one: [] for one in others}
    for measure in there:
        rows = compare(part, MAIN, others, measure).to_dict("records")
        found = {one["baseline"]: one for one in rows}
        for other in others:
            cells[other].append(_difference(found.get(other), measure))
    if not cells or not there:
        return None
    return Table(
        f"{name_of(MAIN)} minus each other, {what}, {condition_name(condition)}: mean difference and 95 % interval",
        [
            "Minus",
            *(
                f"{MEASURES[one].heading} ({'above' if MEASURES[one].better == 'larger' else 'below'} 0 is better)"
                for one in there
            ),
        ],
        [[name_of(one), *row] for one, row in cells.items()],
        note="On the clips that both have a value of. p: two-sided Wilcoxon signed-rank test over songs, corrected for "
        "the number of others (Holm); it takes six songs.",
    )


def _difference(one: Mapping[Hashable, Any] | None, measure: str) -> str:
    """Return one row of `eval.conversion.comparisons.compare` as text."""
    if one is None or not one["count"]:
        return UNKNOWN
    digits = MEASURES[measure].digits
    won = round(one["better"] * one["count"])
    text = with_interval(one["difference"], one["low"], one["high"], digits=digits, signed=True)
    return f"{text}\np {chance(one['p'])}; better on {won} of {one['count']}".replace(" ", _KEPT)


def failures_table(*tables: pd.DataFrame) -> Table | None:
    """Return a table of what was not made, with reasons; None if nothing is missing."""
    lost = [one.dropna(subset=["reason"]) for one in tables if "reason" in one]
    rows = [
        [name_of(str(one["system"])), str(one["clip"]), condition_name(str(one["condition"])), str(one["reason"])]
        for part in lost
        for one in part.to_dict("records")
    ]
    return Table("Not made", ["System", "Clip", "Condition", "Reason"], rows, words=4) if rows else None


def ordered(scores: pd.DataFrame, condition: str, measure: str = KEYFREE) -> list[str]:
    """Return the test clips of the main system from the worst to the best; clips without a value come first."""
    part = scored(scores, TEST, [condition]) if len(scores) else scores
    if not len(part) or measure not in part:
        return []
    mine = part[part["system"] == MAIN]
    better = MEASURES[measure].better == "larger"
    return mine.sort_values([measure, "clip"], ascending=[better, True], na_position="first")["clip"].tolist()


def hardest_of(scores: pd.DataFrame) -> str:
    """Return the last condition of the SNR grid that the main system has test scores of; "clean" if there is none."""
    part = scored(scores, TEST) if len(scores) else scores
    there = (
        conditions_of(part[part["system"] == MAIN], ("clean", "snr15", "snr10", "snr5", "snr0")) if len(part) else []
    )
    return there[-1] if there else CLEAN


def clips_table(scores: pd.DataFrame, order: Sequence[str], conditions: Sequence[str]) -> Table:
    """Return the key-free error of the main system clip by clip.

    Args:
        scores: rows of scores.parquet.
        order: the clips, in the order of the rows.
        conditions: conditions that have a column.
    """
    part = scored(scores, TEST, conditions)
    mine = part[part["system"] == MAIN]
    wide = mine.pivot(index="clip", columns="condition", values=KEYFREE)
    singers = mine.drop_duplicates("clip").set_index("clip")[["singer", "song"]]
    rows = [
        [clip, str(singers["singer"][clip]), str(singers["song"][clip] or "–"),
         *(figure(float(wide[one][clip]) if one in wide else float("nan"), KEYFREE) for one in conditions)]
        for clip in order if clip in wide.index
    ]  # fmt: skip
    return Table(
        "Clip by clip: key-free F0RMSE in cents, worst first",
        ["Clip", "Singer", "Song", *map(condition_name, conditions)],
        rows,
        words=3,
    )


def references_table(melody: pd.DataFrame) -> Table | None:
    """Return how many test clips have which reference melody; None without scores of melodies."""
    part = scored(melody, TEST) if len(melody) else melody
    if not len(part):
        return None
    counts = part.drop_duplicates("clip").groupby("reference")["clip"].count()
    rows = [[str(name), f"{int(count):,}"] for name, count in counts.items()]
    return Table(
        "What the melodies are compared with",
        ["Reference", "Test clips"],
        rows,
        note="exact: F0 known from synthesis. human: annotated by people. tracker: found in the clean voice by the "
        "tracker named, which is then no fair contestant on clean voices.",
    )
