"""Intervals and paired tests over judged items.

An item is a note or a track; frames inside one are never resampled, they are not independent.
Where items come in groups that are nearly copies of each other (velocities of one pitch), whole
groups are drawn.

References: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; Wilcoxon 1945; Holm 1979.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % interval over `count` items; `missing` more were not applicable."""

    mean: float
    low: float
    high: float
    count: int
    missing: int


def bootstrap_mean(
    values: np.ndarray, groups: Sequence[object] | None = None, *, draws: int = 2000, seed: int = 0
) -> Interval:
    """Return the mean of `values` and its 95 % percentile bootstrap interval.

    Args:
        values: (items,); NaN means not applicable and is counted, not averaged.
        groups: a key for each item; items of a key are drawn together. Each its own by default.
        draws: bootstrap samples.
        seed: of the draws.

    Returns:
        The interval; all NaN when no value applies.
    """
    values = np.asarray(values, np.float64)
    keep = np.isfinite(values)
    missing = int((~keep).sum())
    if not keep.any():
        return Interval(float("nan"), float("nan"), float("nan"), 0, missing)
    keys = np.arange(len(values)) if groups is None else _codes(groups)
    _, codes = np.unique(keys[keep], return_inverse=True)
    sums, counts = np.bincount(codes, values[keep]), np.bincount(codes)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (draws, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values[keep].mean()), float(low), float(high), int(keep.sum()), missing)


@dataclass(frozen=True)
class Median:
    """A median with its 95 % interval over `count` items; `missing` more were not applicable."""

    median: float
    low: float
    high: float
    count: int
    missing: int


def bootstrap_median(values: np.ndarray, *, draws: int = 2000, seed: int = 0) -> Median:
    """Return the median of `values` and its 95 % percentile bootstrap interval.

    Args:
        values: (items,); NaN means not applicable and is counted. Infinite values have a rank and count.
        draws: bootstrap samples.
        seed: of the draws.

    Returns:
        The interval; all NaN when no value applies.
    """
    values = np.asarray(values, np.float64)
    kept = values[~np.isnan(values)]
    missing = len(values) - len(kept)
    if not len(kept):
        return Median(float("nan"), float("nan"), float("nan"), 0, missing)
    drawn = np.random.default_rng(seed).integers(0, len(kept), (draws, len(kept)))
    # A rank, not a point between two: there is none between a number and an infinity.
    low, high = np.percentile(np.median(kept[drawn], axis=1), [2.5, 97.5], method="inverted_cdf")
    return Median(float(np.median(kept)), float(low), float(high), len(kept), missing)


def _codes(groups: Sequence[object]) -> np.ndarray:
    """Return an integer for each key, equal where keys are equal."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in groups])


@dataclass(frozen=True)
class Comparison:
    """System minus baseline on the same items.

    Attributes:
        difference: mean difference with its interval.
        p: two-sided Wilcoxon signed-rank test over groups, NaN below 6 groups.
        better: share of items on which the system is strictly better.
    """

    difference: Interval
    p: float
    better: float


def compare(
    system: np.ndarray,
    baseline: np.ndarray,
    groups: Sequence[object] | None = None,
    *,
    smaller_is_better: bool = True,
    seed: int = 0,
) -> Comparison:
    """Compare two systems item by item; pairs in which either is not applicable are left out."""
    difference = np.asarray(system, np.float64) - np.asarray(baseline, np.float64)
    interval = bootstrap_mean(difference, groups, seed=seed)
    keep = np.isfinite(difference)
    keys = np.arange(len(difference)) if groups is None else _codes(groups)
    _, codes = np.unique(keys[keep], return_inverse=True)
    means = np.bincount(codes, difference[keep]) / np.bincount(codes) if keep.any() else np.zeros(0)
    enough = len(means) >= 6 and bool(np.any(means != 0))
    p = float(np.asarray(wilcoxon(means))[1]) if enough else float("nan")
    won = difference[keep] < 0 if smaller_is_better else difference[keep] > 0
    return Comparison(interval, p, float(won.mean()) if keep.any() else float("nan"))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for their number (Holm's step-down); NaN stays NaN."""
    known = sorted((p, name) for name, p in p_values.items() if np.isfinite(p))
    adjusted: dict[str, float] = dict.fromkeys(p_values, float("nan"))
    highest = 0.0
    for rank, (p, name) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[name] = highest
    return adjusted
