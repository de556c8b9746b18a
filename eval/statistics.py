"""Bootstrap confidence intervals and paired tests over scored items.

An item is a note or a track. The bootstrap resamples items, never the frames inside an item, because frames of one item
are not independent. If items form groups of nearly identical items (such as one pitch of an instrument at several
velocities), the bootstrap resamples whole groups.

NaN marks an item to which a metric does not apply. Such items are counted as missing and take no part in the result.
A single group has no interval: resampling it gives the same value again, which would look like certainty.

References: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; Wilcoxon 1945; Holm 1979.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon


@dataclass(frozen=True)
class Interval:
    """A mean with its 95 % confidence interval.

    Attributes:
        mean: mean over the items with a finite value; NaN if there are none.
        low: lower end of the interval; NaN if the finite values are of fewer than two groups.
        high: upper end of the interval; NaN likewise.
        count: number of items with a finite value.
        missing: number of other items, whose value is NaN or infinite.
    """

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
        values: one value for each item, shape (items,). NaN and infinite values are counted as missing and left out.
        groups: a key for each item; items with equal keys are resampled together. By default each item is a group of
            its own.
        draws: number of bootstrap samples.
        seed: seed of the random generator.

    Returns:
        The mean, NaN if there is no finite value, and its interval, NaN if there are fewer than two groups with one.

    Example:
        >>> bootstrap_mean(np.array([1.0, 3.0, np.nan]))
        Interval(mean=2.0, low=1.0, high=3.0, count=2, missing=1)
    """
    values = np.asarray(values, np.float64)
    keep = np.isfinite(values)
    missing = int((~keep).sum())
    if not keep.any():
        return Interval(float("nan"), float("nan"), float("nan"), 0, missing)
    keys = np.arange(len(values)) if groups is None else _codes(groups)
    _, codes = np.unique(keys[keep], return_inverse=True)
    sums, counts = np.bincount(codes, values[keep]), np.bincount(codes)
    if len(sums) < 2:
        return Interval(float(values[keep].mean()), float("nan"), float("nan"), int(keep.sum()), missing)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (draws, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(float(values[keep].mean()), float(low), float(high), int(keep.sum()), missing)


@dataclass(frozen=True)
class Median:
    """A median with its 95 % confidence interval.

    Attributes:
        median: median over the items with a value, which may be infinite; NaN if there are none.
        low: lower end of the interval; NaN if there are fewer than two values.
        high: upper end of the interval; NaN likewise.
        count: number of items whose value is not NaN.
        missing: number of items whose value is NaN.
    """

    median: float
    low: float
    high: float
    count: int
    missing: int


def bootstrap_median(values: np.ndarray, *, draws: int = 2000, seed: int = 0) -> Median:
    """Return the median of `values` and its 95 % percentile bootstrap interval.

    Args:
        values: one value for each item, shape (items,). NaN is counted as missing and left out. Infinite values are
            kept, because a median needs only the order of the values.
        draws: number of bootstrap samples.
        seed: seed of the random generator.

    Returns:
        The median, NaN if all values are NaN, and its interval, NaN if fewer than two values are not.

    Example:
        >>> bootstrap_median(np.array([1.0, 3.0, 8.0]))
        Median(median=3.0, low=1.0, high=8.0, count=3, missing=0)
    """
    values = np.asarray(values, np.float64)
    kept = values[~np.isnan(values)]
    missing = len(values) - len(kept)
    if len(kept) < 2:
        return Median(float(kept[0]) if len(kept) else float("nan"), float("nan"), float("nan"), len(kept), missing)
    drawn = np.random.default_rng(seed).integers(0, len(kept), (draws, len(kept)))
    # This method returns one of the values. Interpolation between a finite and an infinite value is not possible.
    low, high = np.percentile(np.median(kept[drawn], axis=1), [2.5, 97.5], method="inverted_cdf")
    return Median(float(np.median(kept)), float(low), float(high), len(kept), missing)


def ends(low: float, high: float, write: Callable[[float], str]) -> str:
    """Return the ends of an interval as text.

    Args:
        low: lower end; NaN if there is no interval.
        high: upper end.
        write: writes an end.

    Example:
        >>> ends(0.25, 0.5, "{:.1f}".format), ends(float("nan"), float("nan"), str)
        ('[0.2, 0.5]', '[n/a]')
    """
    return "[n/a]" if np.isnan(low) else f"[{write(low)}, {write(high)}]"


def _codes(groups: Sequence[object]) -> np.ndarray:
    """Return an integer for each key, shape (items,); equal keys have equal integers."""
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in groups])


@dataclass(frozen=True)
class Comparison:
    """The paired difference between a system and a baseline: system minus baseline on the same items.

    Attributes:
        difference: mean difference with its 95 % interval.
        p: p-value of the two-sided Wilcoxon signed-rank test over the mean differences of the groups; NaN with fewer
            than 6 groups, or if all differences are zero.
        better: share of the compared items on which the system is strictly better, 0 to 1; NaN if there are none.
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
    """Compare a system with a baseline on the same items by a paired test.

    Args:
        system: scores of the system, shape (items,).
        baseline: scores of the baseline on the same items in the same order, shape (items,).
        groups: a key for each item; items with equal keys are treated as one group. By default each item is a group of
            its own.
        smaller_is_better: whether smaller scores are better.
        seed: seed of the bootstrap.

    Returns:
        The comparison. Items whose difference is not finite (one of the scores is NaN or infinite) are left out and
        counted as missing.

    Example:
        >>> compare(np.array([1.0, 2.0]), np.array([2.0, 2.5])).difference
        Interval(mean=-0.75, low=-1.0, high=-0.5, count=2, missing=0)
    """
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
    """Return p-values corrected for multiple tests by Holm's step-down method.

    Args:
        p_values: p-value of each test, by name. NaN stays NaN and does not count as a test.

    Returns:
        The corrected p-values by name, at most 1.

    Example:
        >>> holm({"a": 0.01, "b": 0.04})
        {'a': 0.02, 'b': 0.04}
    """
    known = sorted((p, name) for name, p in p_values.items() if np.isfinite(p))
    adjusted: dict[str, float] = dict.fromkeys(p_values, float("nan"))
    highest = 0.0
    for rank, (p, name) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - rank)))
        adjusted[name] = highest
    return adjusted
