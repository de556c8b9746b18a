"""How many listeners a test needs to decide a difference, and how many more once there are ratings.

The proposal before a test rests on assumptions about listeners, which are stated beside it; the other on the ratings.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.stats import binom, norm

from eval.listening.design import Plan
from eval.listening.kinds import KINDS

POWER, LEVEL = 0.8, 0.05
_MOST = 10_000


@dataclass(frozen=True)
class Assumption:
    """What is assumed of the ratings of a kind of test.

    Attributes:
        difference: smallest difference of two systems that is worth deciding.
        listener: standard deviation, over listeners, of how they see the difference of two systems.
        rating: standard deviation of a single rating, given listener and item.
    """

    difference: float
    listener: float
    rating: float


# Standard deviations of published tests lie near these; they are assumptions, not measurements of this project.
ASSUMED = {
    "mos": Assumption(0.3, 0.4, 0.8),
    "nmos": Assumption(0.3, 0.4, 0.8),
    "smos": Assumption(0.3, 0.5, 0.9),
    "mushra": Assumption(8.0, 10.0, 18.0),
}
_SHARE = 0.6  # share of choices, where chance is a half, that is worth deciding


@dataclass(frozen=True)
class Proposal:
    """A proposed number of listeners.

    Attributes:
        listeners: the number.
        decided: the difference that is decided, as text.
        assumed: what the proposal rests on, as text.
    """

    listeners: int
    decided: str
    assumed: str


def listeners_for(plan: Plan) -> Proposal:
    """Return the proposed number of listeners of a test: power 80 %, two-sided level 5 %.

    Example:
        >>> listeners_for(plan).listeners
        24
    """
    items = len({one.item for one in plan.sounds.values() if one.role == "system"})
    each = sum(len(form) for form in plan.forms) / len(plan.forms)  # trials of a listener
    trials = [one for one in plan.trials.values() if one.check is None]
    if KINDS[plan.kind].choice:
        compared = len({tuple(sorted(plan.sounds[one].system for one in trial.sounds)) for trial in trials})
        judged = max(1.0, min(each, len(trials)) / max(compared, 1))
        return Proposal(
            max(2, ceil(choices_needed(_SHARE) / judged)),
            f"a preference of {_SHARE:.0%} against chance",
            f"{judged:.0f} choices of a listener between the same two systems, taken as independent",
        )
    heard = min(items, each / max(len(trials) / max(items, 1), 1))  # items of a listener
    one = ASSUMED[plan.kind]
    count = listeners_needed(one, max(1.0, heard))
    unit = "points" if plan.kind == "mushra" else "of a point"
    return Proposal(
        count,
        f"a difference of {one.difference:g} {unit} between two systems",
        f"assumed standard deviations: {one.listener:g} over listeners, {one.rating:g} of a rating; "
        f"{heard:.0f} items each, paired",
    )


def listeners_needed(assumed: Assumption, items: float) -> int:
    """Return the number of listeners that decide a difference in a paired comparison, each rating the same items.

    Variance of a listener's mean difference: listener² + 2 rating² / items; normal approximation.

    Example:
        >>> listeners_needed(Assumption(0.3, 0.4, 0.8), 20)
        20
    """
    variance = assumed.listener**2 + 2 * assumed.rating**2 / items
    reach = norm.ppf(1 - LEVEL / 2) + norm.ppf(POWER)
    return max(2, ceil(variance * (reach / assumed.difference) ** 2))


def choices_needed(share: float) -> int:
    """Return the smallest number of independent choices of which an exact binomial test finds `share` with 80 % power.

    From that number on the power stays above 80 % up to 20 more choices, so that it is no lucky one.

    Args:
        share: true share of one alternative, between 0.5 and 1; chance is 0.5.

    Example:
        >>> choices_needed(0.6)
        199
    """
    counts = np.arange(4, _MOST)
    below = binom.ppf(LEVEL / 2, counts, 0.5)
    lower = np.where(binom.cdf(below, counts, 0.5) <= LEVEL / 2, below, below - 1)  # rejected up to this many
    power = binom.cdf(lower, counts, 1 - share) + binom.sf(counts - lower - 1, counts, 1 - share)
    enough = np.convolve(power >= POWER, np.ones(20), "valid") == 20
    if not enough.any():
        raise ValueError(f"a share of {share} takes more than {_MOST} choices")
    return int(counts[np.argmax(enough)])


def more_ratings(difference: float, low: float, high: float, ratings: int) -> float:
    """Return how many more ratings decide a difference, if it stays as it is: the interval shrinks with their root.

    Args:
        difference: the present difference.
        low: lower end of its present 95 % interval.
        high: upper end.
        ratings: present number of ratings.

    Returns:
        The number; 0 if the interval excludes 0 already, infinite without a difference, NaN without an interval.

    Example:
        >>> more_ratings(0.2, -0.2, 0.5, 100)
        300.0
    """
    if np.isnan([low, high, difference]).any():
        return float("nan")
    if low > 0 or high < 0:
        return 0.0
    if difference == 0:
        return float("inf")
    reach = difference - low if difference > 0 else high - difference  # towards 0
    return float(max(1, ceil(ratings * (reach / abs(difference)) ** 2) - ratings))
