"""What a system was asked to reach, and whether its scores show that it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Criterion:
    """One check: what was found, what is asked, what to do if it fails, and whether promotion needs it."""

    passed: bool
    found: float
    bound: float
    meaning: str
    advice: str
    required: bool = True


def as_json(found: Mapping[str, Criterion]) -> dict[str, dict[str, Any]]:
    """Return acceptance_criteria as plain values for JSON; what could not be found is null."""
    return {
        name: {
            "found": one.found if np.isfinite(one.found) else None,
            "asked": one.bound,
            "passed": bool(one.passed),
            "required": one.required,
        }
        for name, one in found.items()
    }
