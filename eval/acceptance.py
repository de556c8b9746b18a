"""Acceptance checks that compare the scores of a system with required bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Criterion:
    """The result of one acceptance check.

    Attributes:
        passed: whether the check passed.
        found: the measured value; NaN if it could not be measured.
        bound: the value that `found` was compared with. Each check decides whether it is an upper or a lower bound.
        meaning: what `found` measures, in words, for reports.
        advice: what the user can do if the check failed.
        required: whether a model must pass this check to be promoted to champion.
    """

    passed: bool
    found: float
    bound: float
    meaning: str
    advice: str
    required: bool = True


def as_json(found: Mapping[str, Criterion]) -> dict[str, dict[str, Any]]:
    """Return the results of acceptance checks as plain values that JSON can store.

    Args:
        found: results of the checks, by name of the check.

    Returns:
        For each check a dictionary with "found" (None, in JSON null, if it is NaN or infinite), "asked" (the bound),
        "passed" and "required".
    """
    return {
        name: {
            "found": one.found if np.isfinite(one.found) else None,
            "asked": one.bound,
            "passed": bool(one.passed),
            "required": one.required,
        }
        for name, one in found.items()
    }
