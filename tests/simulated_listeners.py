"""Simulated listeners: they test the statistics of listening tests, and are never presented as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.listening.design import Plan
from eval.listening.kinds import KINDS


@dataclass(frozen=True)
class Crowd:
    """Standard deviations of simulated ratings, in points of the scale.

    Attributes:
        listeners: of the effect of a listener.
        items: of the effect of an item.
        rest: of a single rating.
    """

    listeners: float = 0.4
    items: float = 0.3
    rest: float = 0.6


def ratings_of(
    mean: float, crowd: Crowd, draw: np.random.Generator, listeners: int, items: int, *, scale: tuple[float, float]
) -> np.ndarray:
    """Return ratings of one system, (listeners, items), rounded to whole points of a scale."""
    noise = crowd.rest * draw.standard_normal((listeners, items))
    of_listeners = crowd.listeners * draw.standard_normal((listeners, 1))
    of_items = crowd.items * draw.standard_normal((1, items))
    return np.clip(np.round(mean + of_listeners + of_items + noise), *scale)


def session(
    plan: Plan,
    number: int,
    quality: Mapping[str, float],
    seed: int = 0,
    *,
    spread: float = 0.3,
    form: int | None = None,
) -> dict[str, Any]:
    """Return the results of a listener who hears the true quality of each system, with some noise.

    Args:
        plan: the test.
        number: number of the listener.
        quality: quality of each system, 0 to 1; the hidden reference has 1, anchors 0.2 and 0.4.
        seed: seed of all listeners.
        spread: standard deviation of the noise, where the scale is 1.
        form: form of the test; by default the forms in turn.
    """
    kind, draw = KINDS[plan.kind], np.random.default_rng([seed, number])
    form = number % len(plan.forms) if form is None else form
    known = {"recording": 1.0, "anchor 3.5 kHz": 0.2, "anchor 7 kHz": 0.4, **quality}
    trials = []
    for name, order in plan.forms[form]:
        trial = plan.trials[name]
        felt = {one: known.get(plan.sounds[one].system, 0.0) + spread * draw.standard_normal() for one in order}
        if trial.check is not None:
            good = kind.choice or trial.check.least > kind.low
            felt = {one: float(good and one == trial.check.sound) for one in order}
        if kind.choice:
            best = max(felt, key=lambda one: felt[one])
            ratings: dict[str, Any] = {one: int(one == best) for one in order}
        else:
            ratings = {
                one: round(float(np.clip(kind.low + (kind.high - kind.low) * value, kind.low, kind.high)))
                for one, value in felt.items()
            }
            if not kind.compared:
                ratings = {one: 100 if plan.sounds[one].role == "hidden" else ratings[one] for one in order}
        heard = {one: plan.sounds[one].seconds for one in {trial.reference, *order} - {""}}
        trials.append(
            {"trial": name, "seconds": sum(heard.values()) + 2.5 + draw.random(), "heard": heard, "ratings": ratings}
        )
    return {
        "schema": 1, "test": plan.test, "form": form, "listener": f"{seed:08x}{number:08x}",
        "started": "2026-01-01T10:00:00Z", "finished": "2026-01-01T10:20:00Z", "headphones": True, "trials": trials,
    }  # fmt: skip
