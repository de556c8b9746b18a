"""Choices between two sounds: exact binomial tests against chance, and which of two systems is preferred.

The exact test takes choices as independent, as SING's paper does; choices of one listener are not quite, so an interval
over listeners stands beside it.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from eval.intervals import Interval, mean_interval
from eval.statistics import holm


@dataclass(frozen=True)
class Choice:
    """How often one of two was chosen.

    Attributes:
        first: what was chosen so often: a system, or "right answers".
        second: the other one: a system, or the system that was to be told from the recording.
        chosen: number of choices of the first.
        choices: number of choices.
        low: lower end of the exact 95 % interval of the share (Clopper and Pearson).
        high: upper end.
        p: p-value of the exact two-sided binomial test against one half.
        corrected: p-value corrected for the number of tests (Holm).
        over_listeners: mean share of the listeners, with its 95 % interval.
    """

    first: str
    second: str
    chosen: int
    choices: int
    low: float
    high: float
    p: float
    corrected: float
    over_listeners: Interval

    @property
    def share(self) -> float:
        """Share of the choices that took the first."""
        return self.chosen / self.choices


def preferences(ratings: pd.DataFrame) -> list[Choice]:
    """Return the choices between each two systems (test `ab`); the first of a pair is the one chosen more often.

    Args:
        ratings: rows of one test, with "listener", "trial", "system" and "rating", which is 1 for the chosen sound.

    Example:
        >>> preferences(ratings)[0].share
        0.697
    """
    wide = ratings.pivot_table(index=["listener", "trial"], columns="system", values="rating")
    pairs = [(one, two) for one, two in combinations(ratings["system"].unique(), 2)]
    counted = [(one, two, wide.dropna(subset=[one, two])) for one, two in pairs]
    ordered = [(one, two, both) if both[one].mean() >= 0.5 else (two, one, both) for one, two, both in counted]
    return _corrected([(str(one), str(two), both[one]) for one, two, both in ordered if len(both)])


def detections(ratings: pd.DataFrame) -> list[Choice]:
    """Return how often each system was told from the recording (test `abx`).

    Args:
        ratings: rows of one test, as for `preferences`; the sound that is the reference has the role "hidden".
    """
    right = ratings[ratings["role"] == "hidden"].set_index(["listener", "trial"])["rating"]
    others = ratings[ratings["role"] == "system"].set_index(["listener", "trial"])["system"]
    joined = pd.concat([right.rename("right"), others.rename("system")], axis=1, join="inner")
    return _corrected([("right answers", str(name), part["right"]) for name, part in joined.groupby("system")])


def _corrected(found: list[tuple[str, str, pd.Series]]) -> list[Choice]:
    """Return tested choices: names, and 1 or 0 for each choice, indexed by listener and trial."""
    tests = [binomtest(int(one.sum()), len(one), 0.5) for _, _, one in found]
    adjusted = holm({str(place): float(one.pvalue) for place, one in enumerate(tests)})
    made = []
    for place, ((first, second, chosen), test) in enumerate(zip(found, tests, strict=True)):
        exact = test.proportion_ci(0.95, "exact")
        listeners = chosen.index.get_level_values("listener").tolist()
        over = mean_interval(chosen.to_numpy(np.float64), listeners)
        made.append(
            Choice(first, second, int(chosen.sum()), len(chosen), float(exact.low), float(exact.high),
                   float(test.pvalue), adjusted[str(place)], over)
        )  # fmt: skip
    return made
