"""Separation scores told: a table for people, plain values for programs."""

from collections.abc import Iterator
from math import isinf, isnan
from typing import Any

import pandas as pd

from eval.metrics.bss import ILL_CONDITIONED
from eval.metrics.sdr import DEFINITIONS, TrackScores
from eval.separation.score import medians

_FRAMED = ("cSDR", "cISR", "cSIR", "cSAR")


def lines(scores: TrackScores) -> Iterator[str]:
    """Yield the lines of a table of medians over tracks, of scores labelled with their track."""
    summary = scores.summary
    count = summary["track"].nunique()
    yield f"{count} tracks, medians over them; n/a: tracks a metric does not apply to"
    for sources, rows in medians(summary).groupby("sources", sort=False):
        yield f"judged together: {sources}"
        yield f"  {'source':<16} {'metric':<8} {'median':>10} {'tracks':>6} {'n/a':>6}  undefined frames"
        for row in rows.to_dict("records"):
            frames = "" if row["metric"] not in _FRAMED else f"{row['undefined']:>7,} of {row['frames']:,}"
            median = "–" if isnan(row["median"]) else f"{row['median']:.3f}"
            counts = f"{row['tracks']:>6,} {row['not_applicable']:>6,}"
            yield f"  {row['source']:<16} {row['metric']:<8} {median:>10} {counts} {frames}".rstrip()
    if tracks := _ill_conditioned(summary):
        yield (
            f"not to be believed: cISR, cSIR and cSAR of {', '.join(tracks)}; "
            "channels or sources there are filtered copies of each other"
        )


def as_values(scores: TrackScores) -> dict[str, Any]:
    """Return the scores of every track and their medians as values that JSON knows.

    What does not apply is null; infinity, of which JSON knows nothing, is the text "inf" or "-inf".
    """
    summary = scores.summary
    return {
        "tracks": int(summary["track"].nunique()),
        "medians": _records(medians(summary)),
        "scores": _records(summary),
        "ill_conditioned": _ill_conditioned(summary),
        "definitions": {name: text for name, text in DEFINITIONS.items() if name in set(summary["metric"])},
    }


def _ill_conditioned(summary: pd.DataFrame) -> list[str]:
    """Return the tracks whose filters are made of rounding errors."""
    return sorted(set(summary.loc[summary["reciprocal_condition"] < ILL_CONDITIONED, "track"]))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    """Return a value that strict JSON knows."""
    if not isinstance(value, float):
        return value
    if isnan(value):
        return None
    return str(value) if isinf(value) else value
