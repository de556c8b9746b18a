"""Paired comparisons of conversion systems on the same clips, condition by condition.

A comparison is made on the clips on which both systems have a value. The test is a two-sided Wilcoxon signed-rank test
over songs (the mean difference of the clips of a song is one value), corrected for the number of baselines by Holm's
method. It takes six songs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from eval.conversion.measures import MEASURES
from eval.conversion.systems import GROUP, TEST, scored
from eval.table import Items, Metric, compare_systems

SURE = 0.05  # p-value below which a difference counts


def compare(part: pd.DataFrame, system: str, baselines: Sequence[str], measure: str) -> pd.DataFrame:
    """Compare a system with baselines in one condition.

    Args:
        part: scores of one split and one condition (`eval.conversion.systems.scored`).
        system: name of the system.
        baselines: names of the systems it is compared with; those without scores have no row.
        measure: column that is compared.

    Returns:
        One row per baseline: baseline, difference (mean of system minus baseline), low, high (95 % interval), count
        (clips), p, better (share of clips on which the system is better), and `wins`: the system is better on average
        and p is below 0.05.

    Example:
        >>> compare(scored(scores, "test", ["snr0"]), "proposed", ["original", "crepe"], "f0_rmse_cents_keyfree")
    """
    columns = ["baseline", "difference", "low", "high", "count", "p", "better", "wins"]
    if part.empty or measure not in part:
        return pd.DataFrame(columns=columns)
    smaller = MEASURES[measure].better != "larger"
    kept = part[part["system"].isin([system, *baselines])]
    found = compare_systems(kept, system, baselines, Metric(measure, smaller), Items("clip", GROUP))
    if found.empty:
        return pd.DataFrame(columns=columns)
    gain = -found["difference"] if smaller else found["difference"]
    return found.assign(wins=(gain > 0) & (found["p"] < SURE))


def best_of(part: pd.DataFrame, systems: Sequence[str], measure: str) -> str:
    """Return the system with the best mean in one condition; "" if none has a value.

    Args:
        part: scores of one split and one condition.
        systems: names of the systems to choose from.
        measure: column that is compared.
    """
    if not len(part) or measure not in part:
        return ""
    means = part[part["system"].isin(list(systems))].groupby("system")[measure].mean().dropna()
    if means.empty:
        return ""
    return str(means.idxmax() if MEASURES[measure].better == "larger" else means.idxmin())


def mean_of(scores: pd.DataFrame, system: str, measure: str, condition: str, split: str = TEST) -> float:
    """Return the mean of a measure over the clips of a system in one condition; NaN if it has no value."""
    part = scored(scores, split, [condition])
    values = part.loc[part["system"] == system, measure] if measure in part else pd.Series(dtype=float)
    return float(values.astype(float).mean())


def means_of_both(
    scores: pd.DataFrame, system: str, measure: str, conditions: tuple[str, str], split: str = TEST
) -> tuple[float, float]:
    """Return the means of a system in two conditions over the clips with a value in both; NaN if there are none."""
    part = scored(scores, split, conditions)
    if measure not in part or part.empty:
        return float("nan"), float("nan")
    wide = part[part["system"] == system].pivot(index="clip", columns="condition", values=measure)
    if not set(conditions) <= set(wide.columns):
        return float("nan"), float("nan")
    both = np.asarray(wide[list(conditions)].dropna(), float)
    return (float(both[:, 0].mean()), float(both[:, 1].mean())) if len(both) else (float("nan"), float("nan"))
