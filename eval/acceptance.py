"""Acceptance checks that compare the scores of a system with required bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

# Stands in the meaning of a check that compares a whole interval with its bound; "below" or "above" follows.
WHOLE = ": all of the interval must be "
# What a check asks, in a few words, by its name; the same in every verdict and table.
TITLES: Mapping[str, str] = {
    "above_trackers": "melody better than by the best pitch tracker",
    "beats_baselines": "better than the baselines with accompaniment",
    "better_than_champion": "better than the champion before",
    "better_than_mixture": "better than the mixture",
    "better_than_nearest_pitch": "better than a copy of the nearest training note",
    "better_than_silence": "loss well below that of silence",
    "complete": "something made of every item",
    "heard_better_than_mixture": "specific loudness nearer to the vocals than the mixture's",
    "in_tune": "in tune",
    "in_tune_as_champion": "as in tune as the champion before",
    "instrument_recognised": "instrument recognised by a classifier",
    "keeps_melody": "pitch follows the source",
    "keeps_voicing": "voiced where the source is voiced",
    "masks_separate": "discriminative network separates",
    "melody_0db": "melody with accompaniment at 0 dB",
    "melody_5db": "melody with accompaniment at 5 dB",
    "melody_clean": "melody of clean voices",
    "melody_overall_0db": "melody and voicing with accompaniment at 0 dB",
    "near_codec_ceiling": "near the codec ceiling",
    "refining_helps": "refined better than the discriminative network",
    "robust": "robust to accompaniment",
    "sounds_as_champion": "as near to the target singer as the champion before",
    "sounds_like_target": "nearer to the target singer than to the source singer",
    "vocoder_beats_griffin_lim": "vocoder better than Griffin-Lim",
    "vocoder_in_tune": "vocoder keeps the pitch",
}


def title_of(name: str) -> str:
    """Return what a check asks, in a few words.

    Args:
        name: name of the check, such as "robust".

    Example:
        >>> title_of("vocoder_beats_griffin_lim")
        'vocoder better than Griffin-Lim'
    """
    return TITLES.get(name, name.replace("_", " "))


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
