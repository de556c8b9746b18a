"""Scores of single items, gathered: any aggregate is a query over one tidy frame.

A frame has one row a (system, item) and one column a metric; NaN means not applicable.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.statistics import Comparison, Interval, bootstrap_mean, compare, holm


@dataclass(frozen=True)
class Metric:
    """A column of the scores, and whether smaller values are better."""

    column: str
    smaller_is_better: bool = True


def summarise(
    scores: pd.DataFrame, metrics: Sequence[str], by: Sequence[str] = ("system",), group: str | None = None
) -> pd.DataFrame:
    """Return mean, 95 % interval and counts of each metric.

    Args:
        scores: tidy frame.
        metrics: columns to summarise.
        by: columns that tell systems apart.
        group: column whose equal values are drawn together (velocities of one pitch).

    Returns:
        A row a (system, metric): columns `by`, metric, mean, low, high, count, missing.
    """
    rows = []
    for key, part in scores.groupby(list(by), sort=False):
        keys = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        for metric in metrics:
            interval = bootstrap_mean(part[metric].to_numpy(float), part[group].tolist() if group else None)
            rows.append({**keys, "metric": metric, **vars(interval)})
    return pd.DataFrame(rows)


def interval_of(summary: pd.DataFrame, metric: str, **keys: str) -> Interval | None:
    """Return one interval of a summary, or None where it has none."""
    for row in summary.to_dict("records"):
        if row["metric"] == metric and all(row[name] == value for name, value in keys.items()):
            return Interval(row["mean"], row["low"], row["high"], int(row["count"]), int(row["missing"]))
    return None


@dataclass(frozen=True)
class Items:
    """What scores are paired by.

    Attributes:
        column: that tells items apart, such as notes or tracks.
        group: column whose equal values are drawn together (velocities of one pitch), if there is one.
    """

    column: str = "note"
    group: str | None = None


def compare_systems(
    scores: pd.DataFrame,
    system: str,
    baselines: Iterable[str],
    metric: Metric,
    items: Items = Items(),
) -> pd.DataFrame:
    """Compare a system with each baseline on the items both have, by a paired test.

    Args:
        scores: tidy frame.
        system: whose differences to the baselines are taken.
        baselines: what it is compared with.
        metric: column of the scores, and which way is better.
        items: what scores are paired by.

    Returns:
        A row a baseline: baseline, difference, low, high, count, p (Holm-adjusted), better.
    """
    wide = scores.pivot(index=items.column, columns="system", values=metric.column)
    groups = scores.drop_duplicates(items.column).set_index(items.column)[items.group] if items.group else None
    found: dict[str, Comparison] = {}
    for baseline in baselines:
        if baseline in wide and system in wide:
            keys = groups.loc[wide.index].tolist() if groups is not None else None
            ours, theirs = (np.asarray(wide[name], float) for name in (system, baseline))
            found[baseline] = compare(ours, theirs, keys, smaller_is_better=metric.smaller_is_better)
    adjusted = holm({name: one.p for name, one in found.items()})
    return pd.DataFrame(
        [
            {
                "baseline": name,
                "difference": one.difference.mean,
                "low": one.difference.low,
                "high": one.difference.high,
                "count": one.difference.count,
                "p": adjusted[name],
                "better": one.better,
            }
            for name, one in found.items()
        ]
    )
