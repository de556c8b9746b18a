"""Which metrics agree with listeners: Spearman's correlation of each metric with the mean ratings, with intervals.

A point is a sound: one item by one system. Correlations are given over all systems and for each kind of system, because
metrics that serve for one kind may fail for another (masking and generative separators). Intervals are percentiles of a
bootstrap that draws items, so that all sounds of an item stay together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

ALL = "all"
_LEAST_SOUNDS, _LEAST_ITEMS = 6, 3
_DRAWS = 1000


@dataclass(frozen=True)
class Correlation:
    """The correlation of a metric with the mean ratings.

    Attributes:
        metric: name of the metric.
        kind: kind of system, or `ALL`.
        rho: Spearman's correlation; NaN where there are fewer than six sounds or three items.
        low: lower end of the 95 % interval.
        high: upper end.
        sounds: number of sounds with both a rating and a score.
    """

    metric: str
    kind: str
    rho: float
    low: float
    high: float
    sounds: int


def correlations(
    ratings: pd.DataFrame, scores: pd.DataFrame, metrics: Sequence[str], kinds: Mapping[str, str]
) -> list[Correlation]:
    """Return the correlation of each metric with the mean ratings, over all systems and for each kind of them.

    Args:
        ratings: rows of one test, with "item", "system", "role" and "rating"; only the role "system" counts.
        scores: one row per sound, with "item", "system" and a column per metric.
        metrics: names of the metrics.
        kinds: kind of each system; systems that are not in it count under `ALL` only.

    Example:
        >>> correlations(ratings, scores, ["uSDR"], {"masks": "masking"})[0].rho
    """
    rated = ratings[ratings["role"] == "system"]
    means = rated.groupby(["item", "system"], as_index=False)["rating"].mean()
    joined = means.merge(scores[["item", "system", *metrics]], on=["item", "system"])
    of_kind = joined["system"].map(dict(kinds))
    found = []
    for kind in (ALL, *sorted(set(of_kind.dropna()))):
        part = joined if kind == ALL else joined[of_kind == kind]
        found += [_correlation(part, metric, kind) for metric in metrics]
    return found


def _correlation(part: pd.DataFrame, metric: str, kind: str) -> Correlation:
    """Return the correlation of one metric over the rows of one kind of system."""
    known = part[np.isfinite(part[metric].to_numpy(float))]
    nan = float("nan")
    items = known["item"].astype("category").cat.codes.to_numpy()
    if len(known) < _LEAST_SOUNDS or len(set(items)) < _LEAST_ITEMS:
        return Correlation(metric, kind, nan, nan, nan, len(known))
    values, rated = known[metric].to_numpy(float), known["rating"].to_numpy(float)
    rows = [np.flatnonzero(items == one) for one in range(items.max() + 1)]
    draw, drawn = np.random.default_rng(0), []
    for _ in range(_DRAWS):
        chosen = np.concatenate([rows[one] for one in draw.integers(0, len(rows), len(rows))])
        drawn.append(_spearman(values[chosen], rated[chosen]))
    finite = np.array(drawn)[np.isfinite(drawn)]
    low, high = np.quantile(finite, [0.025, 0.975]) if len(finite) else (nan, nan)
    return Correlation(metric, kind, _spearman(values, rated), float(low), float(high), len(known))


def _spearman(one: np.ndarray, two: np.ndarray) -> float:
    """Return Spearman's correlation; NaN if either has a single value."""
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(one), rankdata(two))[0, 1])
