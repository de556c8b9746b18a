"""Paired tests over scored items, corrected for their number.

An item is a note, a clip or a track. Items whose errors are alike form groups, such as the notes of one instrument; the
tests are over groups. NaN marks an item to which a metric does not apply. Such items are counted as missing and take no
part in the result.

References: Wilcoxon, Biometrics 1945; Holm, Scandinavian Journal of Statistics 1979.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import wilcoxon

from eval.intervals import Interval, group_codes, mean_interval


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
    interval = mean_interval(difference, groups, seed=seed)
    keep = np.isfinite(difference)
    codes = group_codes(groups, keep)
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
