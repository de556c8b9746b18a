"""Summaries and comparisons of systems from one data frame of item scores.

The data frame of scores has one row for each (system, item) and one column for each metric. An item is a note or a
track. NaN means that the metric does not apply to the item.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.intervals import Interval, mean_interval
from eval.statistics import Comparison, compare, holm


@dataclass(frozen=True)
class Metric:
    """A metric of the scores.

    Attributes:
        column: name of its column.
        smaller_is_better: whether smaller values are better.
    """

    column: str
    smaller_is_better: bool = True


def summarise(
    scores: pd.DataFrame, metrics: Sequence[str], by: Sequence[str] = ("system",), group: str | None = None
) -> pd.DataFrame:
    """Return mean, 95 % interval and counts of each metric for each system.

    Args:
        scores: one row for each (system, item), with the columns `by`, `metrics` and `group`.
        metrics: columns of the metrics to summarise.
        by: columns whose values identify a system; each combination of values is summarised separately.
        group: column of the groups; items with equal values are resampled together, such as the notes of an
            instrument. None resamples single items.

    Returns:
        One row for each combination of `by` and each metric. Columns: `by`, metric, and the fields of
        `eval.intervals.Interval` (mean, low, high, count, missing).

    Example:
        >>> summary = summarise(scores, ["spectral", "in_tune"], group="instrument")
        >>> interval_of(summary, "spectral", system="sing").mean
    """
    rows = []
    for key, part in scores.groupby(list(by), sort=False):
        keys = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        for metric in metrics:
            interval = mean_interval(part[metric].to_numpy(float), part[group].tolist() if group else None)
            rows.append({**keys, "metric": metric, **vars(interval)})
    return pd.DataFrame(rows)


def interval_of(summary: pd.DataFrame, metric: str, **keys: str) -> Interval | None:
    """Return the interval of one metric from a summary.

    Args:
        summary: table as `summarise` returns it.
        metric: name of the metric.
        **keys: values of the columns `by` of the row, such as `system="sing"`.

    Returns:
        The interval of the first row that matches, or None if no row matches.
    """
    for row in summary.to_dict("records"):
        if row["metric"] == metric and all(row[name] == value for name, value in keys.items()):
            return Interval(row["mean"], row["low"], row["high"], int(row["count"]), int(row["missing"]))
    return None


@dataclass(frozen=True)
class Items:
    """The columns by which scores of two systems are paired.

    Attributes:
        column: column that identifies an item, such as "note" or "track".
        group: column of the groups; items with equal values are treated as one group (the notes of an instrument). None
            if there are no groups.
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
    """Compare a system with each baseline by a paired test on the items that both have.

    Args:
        scores: one row for each (system, item), with the column "system", the columns of `items` and of `metric`.
        system: name of the system.
        baselines: names of the systems that it is compared with.
        metric: the metric to compare.
        items: the columns by which scores are paired.

    Returns:
        One row for each baseline that has scores. Columns: baseline, difference (mean of system minus baseline), low
        and high (95 % interval), count (compared items), p (corrected by Holm's method for the number of baselines),
        better (share of items on which the system is strictly better).

    Raises:
        ValueError: two rows have the same system and item.

    Example:
        >>> compare_systems(scores, "sing", ["silence"], Metric("spectral"), Items("note", group="instrument"))
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
