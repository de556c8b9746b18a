"""Mean opinion scores with the two-way random-effects intervals of CrowdMOS.

A rating is the mean plus an effect of the listener, an effect of the item and a rest; the variances of the three are
found from the ratings (Ribeiro et al., CrowdMOS, ICASSP 2011). An interval over ratings taken as independent would be
two to three times too narrow, because listeners and items each come with many ratings.

How often such an interval covers the truth is measured by `tests/listening_coverage.py`; its table, in percent of 2,000
simulated tests (standard deviations 0.4 of listeners, 0.3 of items, 0.6 of the rest, rounded to a five-point scale):

| mean | ratings | 8 × 10 | 20 × 30 | 60 × 100 | taken as independent, 20 × 30 |
|---|---|---|---|---|---|
| 3.5 | all ratings | 98 | 96 | 96 | 47 |
| 3.5 | a third of them | 99 | 98 | 97 | 67 |
| 4.6 | all ratings | 98 | 95 | 96 | 49 |
| 4.6 | a third of them | 98 | 98 | 97 | 70 |

Shapes: L listeners, N items.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t


@dataclass(frozen=True)
class Opinion:
    """A mean opinion score.

    Attributes:
        mean: mean over all ratings; NaN if there are none.
        low: lower end of the 95 % interval; NaN if there is only one listener or only one item.
        high: upper end; NaN likewise.
        ratings: number of ratings.
        listeners: number of listeners with a rating.
        items: number of items with a rating.
    """

    mean: float
    low: float
    high: float
    ratings: int
    listeners: int
    items: int


def opinion(ratings: np.ndarray) -> Opinion:
    """Return the mean of ratings with its interval.

    Args:
        ratings: (L, N), NaN where a listener did not rate an item.

    Example:
        >>> opinion(np.array([[4.0, 5.0], [3.0, 4.0], [4.0, 4.0]])).mean
        4.0
    """
    known = ~np.isnan(ratings)
    listeners, items, count = int(known.any(1).sum()), int(known.any(0).sum()), int(known.sum())
    if not count:
        return Opinion(float("nan"), float("nan"), float("nan"), 0, 0, 0)
    kept = ratings[known.any(1)][:, known.any(0)]
    mean = float(np.nanmean(kept))
    reach = float("nan")
    if min(listeners, items) >= 2:
        reach = float(t.ppf(0.975, min(listeners, items) - 1)) * mean_variance(kept) ** 0.5
    return Opinion(mean, mean - reach, mean + reach, count, listeners, items)


def opinion_of(ratings: pd.DataFrame) -> Opinion:
    """Return the mean opinion of rows with "listener", "item" and "rating"."""
    return opinion(ratings.pivot_table(index="listener", columns="item", values="rating", dropna=False).to_numpy(float))


def mean_variance(ratings: np.ndarray) -> float:
    """Return the variance of the mean of ratings, (L, N) with NaN where there is none, by the model of CrowdMOS.

    With s, w and u for the variances of items, listeners and rest: the mean variance within listeners is s + u, that
    within items w + u, that of all ratings s + w + u; negative solutions become 0. Where each listener has one rating,
    the effect of listeners cannot be told from the rest, and what the variance within items leaves is that of the
    items; likewise where each item has one. (The package mean-opinion-score gives it to the other side there, and its
    intervals are then too narrow.)
    """
    known = ~np.isnan(ratings)
    per_item, per_listener, total = known.sum(0), known.sum(1), int(known.sum())
    within_listeners, within_items = _within(ratings), _within(ratings.T)
    whole = float(np.nanvar(ratings))
    items = np.square(per_item).sum() / total**2
    listeners = np.square(per_listener).sum() / total**2
    if not np.isnan(within_listeners) and not np.isnan(within_items):
        of_listeners, of_items = whole - within_listeners, whole - within_items
        rest = within_listeners + within_items - whole
    elif not np.isnan(within_items):  # one rating a listener
        of_items, of_listeners, rest = whole - within_items, 0.0, within_items
    elif not np.isnan(within_listeners):  # one rating an item
        of_items, of_listeners, rest = 0.0, whole - within_listeners, within_listeners
    else:
        return whole / total
    parts = max(of_items, 0.0) * items, max(of_listeners, 0.0) * listeners, max(rest, 0.0) / total
    return float(sum(parts))


def _within(ratings: np.ndarray) -> float:
    """Return the mean variance within rows that have two ratings or more; NaN if there is none."""
    rows = ratings[(~np.isnan(ratings)).sum(1) >= 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return float(np.nanmean(np.nanvar(rows, axis=1))) if len(rows) else float("nan")
