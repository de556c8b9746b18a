"""Formats separation scores as a text table for people, or as values for JSON."""

from collections.abc import Iterator
from math import isinf, isnan
from typing import Any

import pandas as pd

from eval.metrics.bss import ILL_CONDITIONED
from eval.metrics.sdr import DEFINITIONS, TrackScores
from eval.separation.score import medians

_FRAMED = ("cSDR", "cISR", "cSIR", "cSAR")


def lines(scores: TrackScores) -> Iterator[str]:
    """Yield the lines of a text table with the median over tracks of each metric.

    Args:
        scores: scores with the column `track` in addition (`TrackScores.labelled`).

    Example:
        >>> for line in lines(score_folders(Path("references"), Path("estimates"))):
        ...     print(line)
    """
    summary = scores.summary
    count = summary["track"].nunique()
    yield f"{count} tracks, medians over them; no value: tracks a metric does not apply to"
    for sources, rows in medians(summary).groupby("sources", sort=False):
        yield f"scored together: {sources}"
        yield f"  {'source':<16} {'metric':<24} {'median':>10} {'tracks':>6} {'no value':>8}  undefined frames"
        for row in rows.to_dict("records"):
            frames = "" if row["metric"] not in _FRAMED else f"{row['undefined']:>7,} of {row['frames']:,}"
            median = "–" if isnan(row["median"]) else f"{row['median']:.3f}"
            counts = f"{row['tracks']:>6,} {row['not_applicable']:>8,}"
            yield f"  {row['source']:<16} {row['metric']:<24} {median:>10} {counts} {frames}".rstrip()
    late = summary[(summary["metric"] == "lag") & (summary["value"].abs() > 0)]
    for row in late.to_dict("records"):
        when = "late" if row["value"] > 0 else "early"
        yield f"{row['track']}: {row['source']} fits best {abs(row['value']):.1f} ms {when}; its ratios mean little"
    muted = summary[(summary["metric"] == "cSDR, muted 0") & (summary["undefined"] > 0)]
    for row in muted.to_dict("records"):
        yield f"{row['track']}: {row['source']} is muted for {row['undefined']:,} of {row['frames']:,} frames"
    if tracks := _ill_conditioned(summary):
        yield (
            f"not to be believed: cISR, cSIR and cSAR of {', '.join(tracks)}; "
            "channels or sources there are filtered copies of each other"
        )


def as_values(scores: TrackScores) -> dict[str, Any]:
    """Return the scores of every track and their medians over tracks as values that JSON can represent.

    NaN becomes None (null in JSON), and an infinite value the text "inf" or "-inf".

    Args:
        scores: scores with the column `track` in addition (`TrackScores.labelled`).

    Returns:
        "tracks", their number; "medians" and "scores", lists of rows; "ill_conditioned", names of the tracks whose
        cISR, cSIR and cSAR are unreliable; "definitions", a text for each metric.
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
    """Return the tracks with BSS Eval filters that are dominated by rounding errors, sorted."""
    return sorted(set(summary.loc[summary["reciprocal_condition"] < ILL_CONDITIONED, "track"]))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a data frame as dictionaries of values that JSON can represent."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(value: Any) -> Any:
    """Return a value that strict JSON can represent: None for NaN, text for infinity."""
    if not isinstance(value, float):
        return value
    if isnan(value):
        return None
    return str(value) if isinf(value) else value
