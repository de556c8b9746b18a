"""Leaves out listeners whose ratings cannot be trusted, by published rules.

* `crowdmos`: a listener whose ratings correlate with the mean ratings of the others by less than 0.25 (Ribeiro et al.,
  CrowdMOS, ICASSP 2011); the rule is applied again until nobody else is left out.
* `bs1534`: a listener who rates the hidden reference below 90 in more than 15 % of the items, or the mid-range anchor
  (7 kHz) above 90 in more than 15 % of those items in which at most a quarter of all listeners do so (ITU-R BS.1534-3,
  4.1.2).

Both are applied to the ratings of one test. Who is left out, and why, is told.
"""

import numpy as np
import pandas as pd

from eval.listening.kinds import KINDS

LEAST_CORRELATION = 0.25
_LEAST_SOUNDS, _LEAST_LISTENERS = 5, 3  # below these a correlation says nothing, and nobody is left out
_LEAST_HIDDEN, _MOST_LOW = 90.0, 0.15
_MID, _MOST_HIGH, _MOST_FOOLED = "anchor 7 kHz", 90.0, 0.25
RULES = {
    "crowdmos": f"correlation with the mean of the others below {LEAST_CORRELATION}",
    "bs1534": f"hidden reference rated below {_LEAST_HIDDEN:.0f}, or the anchor at 7 kHz above {_MOST_HIGH:.0f}, "
    f"in more than {_MOST_LOW:.0%} of the items",
}


def screened(ratings: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the ratings of a test without those of listeners who do not pass the rule of its kind.

    Tests with choices have no such rule: a listener who cannot hear a difference is right to choose by chance.

    Args:
        ratings: rows of one test (`eval.listening.results.COLUMNS`).

    Returns:
        The remaining rows, and for each listener who was left out the reason.

    Example:
        >>> kept, left_out = screened(ratings)
    """
    kind = KINDS[str(ratings["kind"].iloc[0])] if len(ratings) else None
    if kind is None or kind.choice:
        return ratings, {}
    left_out = _hidden_low(ratings) if kind.compared == 0 else _uncorrelated(ratings)
    return ratings[~ratings["listener"].isin(list(left_out))], left_out


def _hidden_low(ratings: pd.DataFrame) -> dict[str, str]:
    """Return the listeners who rate hidden references low, or the mid-range anchor high, too often."""
    hidden, mid = ratings[ratings["role"] == "hidden"], ratings[ratings["system"] == _MID]
    low = (hidden["rating"] < _LEAST_HIDDEN).groupby(hidden["listener"]).mean()
    found = {str(who): f"hidden reference below 90 in {share:.0%} of the items" for who, share in low.items()
             if share > _MOST_LOW}  # fmt: skip
    above = mid["rating"] > _MOST_HIGH
    fooled = above.groupby(mid["item"]).transform("mean") > _MOST_FOOLED  # items whose anchor is hard to hear
    high = above[~fooled].groupby(mid["listener"][~fooled]).mean()
    for who, share in high.items():
        if share > _MOST_LOW:
            found.setdefault(str(who), f"anchor at 7 kHz above 90 in {share:.0%} of the items")
    return found


def _uncorrelated(ratings: pd.DataFrame) -> dict[str, str]:
    """Return the listeners whose ratings correlate too little with the mean of the others, round after round."""
    wide = ratings.pivot_table(index="listener", columns=["item", "system"], values="rating").astype(float)
    left_out: dict[str, str] = {}
    while len(wide) >= _LEAST_LISTENERS:
        found = {str(who): one for who in wide.index if (one := _agreement(wide, str(who))) < LEAST_CORRELATION}
        if not found:
            break
        worst = min(found, key=lambda who: found[who])
        left_out[worst] = f"correlation with the others {found[worst]:.2f}"
        wide = wide.drop(index=worst)
    return left_out


def _agreement(wide: pd.DataFrame, who: str) -> float:
    """Return the correlation of a listener with the mean of the others; NaN if it cannot be told.

    A listener who gives one and the same rating agrees with nobody: 0.
    """
    mine, others = wide.loc[who].to_numpy(float), wide.drop(index=who).to_numpy(float)
    both = ~np.isnan(mine) & (~np.isnan(others)).any(0)
    if both.sum() < _LEAST_SOUNDS:
        return float("nan")
    mean = np.nanmean(others[:, both], 0)
    if np.ptp(mean) == 0:
        return float("nan")
    return 0.0 if np.ptp(mine[both]) == 0 else float(np.corrcoef(mine[both], mean)[0, 1])
