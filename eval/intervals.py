"""95 % confidence intervals of means, of ratios of means and of medians over scored items.

An item is a note, a clip or a track. Items whose errors are alike (the notes of one instrument, the clips of one song)
form groups; what is drawn, and counted as independent, is whole groups, never the frames inside an item.

Means and ratios have intervals of the bootstrap, bias-corrected and accelerated (BCa), with percentiles that are moved
outwards for the number of groups as Student's t asks: without that an interval of 8 groups covers the truth 87 times in
100. Ends of such an interval never lie beyond what the values themselves allow. Medians have exact intervals between
two order statistics, with interpolation between neighbours. How often all of them cover the truth is measured by
`tests/interval_coverage.py`; its table, in percent of 2,000 samples:

| values | statistic | 8 groups | 20 groups | 60 groups |
|---|---|---|---|---|
| normal | mean | 94 | 94 | 94 |
| normal | ratio | 93 | 95 | 95 |
| normal | median | 94 | 95 | 95 |
| normal, 5 items a group | mean | 94 | 96 | 95 |
| normal, 5 items a group | ratio | 93 | 95 | 95 |
| heavy tails (t, 3 degrees) | mean | 92 | 92 | 91 |
| heavy tails (t, 3 degrees) | ratio | 92 | 93 | 92 |
| heavy tails (t, 3 degrees) | median | 94 | 95 | 94 |
| shares near 1 (beta 5, 0.7) | mean | 91 | 94 | 95 |
| shares near 1 (beta 5, 0.7) | ratio | 90 | 92 | 95 |
| shares near 1 (beta 5, 0.7) | median | 94 | 95 | 96 |
| skewed (log-normal, 0.5) | mean | 92 | 94 | 94 |
| skewed (log-normal, 0.5) | ratio | 93 | 94 | 94 |
| skewed (log-normal, 0.5) | median | 94 | 95 | 95 |
| long tail | mean | 86 | 90 | 92 |
| long tail | ratio | 91 | 92 | 92 |
| long tail | median | 94 | 95 | 95 |

NaN marks an item to which a metric does not apply. Such items are counted as missing and take no part in the result.
A single group has no interval: resampling it gives the same value again, which would look like certainty.

References: Efron, Better bootstrap confidence intervals, JASA 1987; Hesterberg, What teachers should know about the
bootstrap, 2015, section 3.4 (expanded percentiles); Hettmansperger and Sheather, Statistics & Probability Letters 1986
(medians).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom, norm, t

# How a report describes the intervals; "{}" is what is drawn.
OF_MEANS = "95 %, bootstrap (BCa, percentiles expanded for the number of {0}), 2,000 draws of whole {0}, seed 0"
OF_MEDIANS = "95 %, exact, interpolated between order statistics; none with fewer than six {0}"
_NAN = float("nan")
_TAIL = 0.025
_ROUNDING = 1e-9  # relative difference up to which two ratios are the same


@dataclass(frozen=True)
class Interval:
    """A mean, or a ratio of means, with its 95 % confidence interval.

    Attributes:
        mean: the value over the items that are finite; NaN if there are none.
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


@dataclass(frozen=True)
class Median:
    """A median with its 95 % confidence interval.

    Attributes:
        median: median over the items with a value, which may be infinite; NaN if there are none.
        low: lower end of the interval; NaN if there are fewer than six values.
        high: upper end of the interval; NaN likewise.
        count: number of items whose value is not NaN.
        missing: number of items whose value is NaN.
    """

    median: float
    low: float
    high: float
    count: int
    missing: int


def mean_interval(
    values: np.ndarray, groups: Sequence[object] | None = None, *, draws: int = 2000, seed: int = 0
) -> Interval:
    """Return the mean of `values` and its 95 % interval.

    Args:
        values: one value for each item, shape (items,). NaN and infinite values are counted as missing and left out.
        groups: a key for each item; items with equal keys are resampled together. By default each item is a group of
            its own.
        draws: number of bootstrap samples.
        seed: seed of the random generator.

    Returns:
        The mean, NaN if there is no finite value, and its interval, NaN if there are fewer than two groups with one.

    Example:
        >>> mean_interval(np.array([1.0, 3.0, np.nan]))
        Interval(mean=2.0, low=1.0, high=3.0, count=2, missing=1)
    """
    return ratio_interval(values, np.ones(len(values)), groups, draws=draws, seed=seed)


def ratio_interval(
    values: np.ndarray,
    others: np.ndarray,
    groups: Sequence[object] | None = None,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> Interval:
    """Return the mean of `values` over the mean of `others` on the same items, and its 95 % interval.

    Both means are drawn together, so what makes an item hard for both systems does not widen the interval.

    Args:
        values: one value for each item, shape (items,), such as the losses of a system.
        others: one value for each of the same items, such as the losses of silence. Items of which either value is NaN
            or infinite are counted as missing and left out.
        groups: a key for each item, as for `mean_interval`.
        draws: number of bootstrap samples.
        seed: seed of the random generator.

    Returns:
        The ratio, NaN if there is no item or the others sum up to 0, and its interval, as for `mean_interval`.

    Example:
        >>> ratio_interval(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])).mean
        0.5
    """
    above, below = np.asarray(values, np.float64), np.asarray(others, np.float64)
    keep = np.isfinite(above) & np.isfinite(below)
    count, missing = int(keep.sum()), int((~keep).sum())
    if not count or below[keep].sum() == 0:
        return Interval(_NAN, _NAN, _NAN, count, missing)
    codes = group_codes(groups, keep)
    sums = np.stack([np.bincount(codes, one[keep]) for one in (above, below)])
    sums = sums[:, np.lexsort(sums)]  # so that the draws, and the interval, do not depend on the order of the items
    estimate = float(above[keep].sum() / below[keep].sum())
    low, high = _bca(sums, estimate, draws, seed)
    return Interval(estimate, low, high, count, missing)


def median_interval(values: np.ndarray) -> Median:
    """Return the median of `values` and its exact 95 % interval.

    It lies between two order statistics, interpolated between the pair that covers more than 95 % of all cases and the
    next pair inside. With fewer than six values even the smallest and the largest cover less, so there is none.

    Args:
        values: one value for each item, shape (items,). NaN is counted as missing and left out. Infinite values are
            kept, because a median needs only the order of the values; beside one of them nothing is interpolated.

    Returns:
        The median, NaN if all values are NaN, and its interval.

    Example:
        >>> median_interval(np.arange(6.0))
        Median(median=2.5, low=0.357..., high=4.642..., count=6, missing=0)
    """
    values = np.asarray(values, np.float64)
    kept = np.sort(values[~np.isnan(values)])
    count, missing = len(kept), len(values) - len(kept)
    if not count:
        return Median(_NAN, _NAN, _NAN, 0, missing)
    median = float(np.median(kept))
    rank = int(binom.ppf(_TAIL, count, 0.5))  # the largest rank from below of which the pair covers enough
    if count < 6:
        return Median(median, _NAN, _NAN, count, missing)
    covered, inside = (1 - 2 * float(binom.cdf(one - 1, count, 0.5)) for one in (rank, rank + 1))
    share = (covered - (1 - 2 * _TAIL)) / (covered - inside)
    inward = (count - rank) * share / (rank + (count - 2 * rank) * share)
    low, high = (
        _between(kept[place], kept[place + step], inward) for place, step in ((rank - 1, 1), (count - rank, -1))
    )
    return Median(median, low, high, count, missing)


def group_codes(groups: Sequence[object] | None, keep: np.ndarray) -> np.ndarray:
    """Return a number for the group of each item that is kept, from 0 without gaps.

    Args:
        groups: a key for each item, None if each is a group of its own.
        keep: which items are kept, bool, (items,).
    """
    numbers: dict[object, int] = {}
    keys = range(len(keep)) if groups is None else groups
    return np.array([numbers.setdefault(key, len(numbers)) for key, kept in zip(keys, keep, strict=True) if kept], int)


def _between(outer: float, inner: float, share: float) -> float:
    """Return a value between two neighbours; the outer one if one of them is infinite."""
    return float(outer + share * (inner - outer)) if np.isfinite([outer, inner]).all() else float(outer)


def _bca(sums: np.ndarray, estimate: float, draws: int, seed: int) -> tuple[float, float]:
    """Return the BCa interval, with expanded percentiles, of a ratio of two sums over groups, (2, groups)."""
    size = sums.shape[1]
    if size < 2:
        return _NAN, _NAN
    drawn = np.random.default_rng(seed).integers(0, size, (draws, size))
    ratios = sums[0][drawn].sum(1) / sums[1][drawn].sum(1)
    ratios = np.sort(ratios[np.isfinite(ratios)])
    # A draw of every group once is the estimate itself, but for rounding, and counts half.
    around = estimate + np.array([-1, 1]) * _ROUNDING * abs(estimate)
    below = (np.searchsorted(ratios, around[0]) + np.searchsorted(ratios, around[1], "right")) / (2 * len(ratios))
    bias = float(norm.ppf(np.clip(below, 1 / draws, 1 - 1 / draws)))
    left_out = (sums.sum(1)[:, None] - sums)[0] / (sums.sum(1)[:, None] - sums)[1]
    distances = left_out.mean() - left_out
    spread = float(np.square(distances).sum())
    if not np.isfinite(spread) or spread == 0:  # all groups alike, or the only group with a part of the other sum
        return float(ratios[0]), float(ratios[-1])
    skew = float((distances**3).sum()) / (6 * spread**1.5)
    reach = float(t.ppf(1 - _TAIL, size - 1)) * (size / (size - 1)) ** 0.5
    levels = [_level(bias, skew, side) for side in (-reach, reach)]
    low, high = np.quantile(ratios, levels)
    return float(low), float(high)


def _level(bias: float, skew: float, reach: float) -> float:
    """Return the level of a percentile of the bootstrap for a distance from the middle in standard deviations."""
    moved = bias + reach
    scale = 1 - skew * moved
    return float(norm.cdf(bias + moved / scale)) if scale > 0 else float(reach > 0)
