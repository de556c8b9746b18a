"""Acceptance checks that decide whether a SING model is good enough to be promoted.

All checks use the test notes only. A check whose value cannot be measured (no pitched notes, no scores of a baseline)
is not passed, so a model is not promoted without evidence. The only exception is the comparison with the champion: it
is passed if there is no champion yet, or if the champion was scored on other notes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.acceptance import Criterion


@dataclass(frozen=True)
class Bounds:
    """The bounds of the checks; `models.synthesis.config.Thresholds` configures them.

    Attributes:
        silence_ratio: largest allowed ratio of the spectral loss of SING to that of silence.
        nearest_required: whether a model must be better than a copy of the nearest training note to be promoted.
        pitch_accuracy: smallest allowed share of pitched notes within 50 cents of their label, 0 to 1.
    """

    silence_ratio: float
    nearest_required: bool
    pitch_accuracy: float


def acceptance_criteria(scores: pd.DataFrame, bounds: Bounds, champion: pd.DataFrame | None) -> dict[str, Criterion]:
    """Check the scores of the system "sing" against the bounds, the baselines and the champion.

    Args:
        scores: one row for each (system, note), as in scores.parquet (`eval.synthesis.score`); it holds the systems
            "sing", "silence" and "nearest_pitch". Only rows of the split "test" are used.
        bounds: the bounds of the checks.
        champion: scores of the present champion in the same form, or None if there is no champion.

    Returns:
        The result of each check by name: "complete", "better_than_silence", "better_than_nearest_pitch", "in_tune" and
        "not_worse_than_champion".

    Example:
        >>> found = acceptance_criteria(scores, Bounds(0.6, nearest_required=True, pitch_accuracy=0.9), None)
        >>> all(one.passed for one in found.values() if one.required)
    """
    wide = _wide(scores, "spectral")
    ratio = _ratio(wide, "sing", "silence")
    nearest = _ratio(wide, "sing", "nearest_pitch")
    tuned = _wide(scores, "in_tune")
    share = float(tuned["sing"].mean()) if "sing" in tuned and tuned["sing"].notna().any() else float("nan")
    made = float(wide["sing"].notna().mean()) if "sing" in wide and len(wide) else float("nan")
    return {
        "complete": Criterion(
            made == 1.0,
            made,
            1.0,
            "share of the test notes it made, finite and of the right length",
            "see the reasons in the score table; a note that is missing is no good note",
        ),
        "better_than_silence": Criterion(
            ratio <= bounds.silence_ratio,
            ratio,
            bounds.silence_ratio,
            "spectral loss over that of silence",
            "train longer, or look at the loss curves and the quarantine",
        ),
        "better_than_nearest_pitch": Criterion(
            nearest < 1.0,
            nearest,
            1.0,
            "spectral loss over that of a copy of the nearest training note",
            "the model has not learnt more than the data say; train longer or give it more data",
            required=bounds.nearest_required,
        ),
        "in_tune": Criterion(
            share >= bounds.pitch_accuracy,
            share,
            bounds.pitch_accuracy,
            "share of pitched notes within 50 cents of their label",
            "listen to the worst cases in the report; high notes are learnt last",
        ),
        "not_worse_than_champion": _against(wide, champion),
    }


def _wide(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one metric on the test notes, with one row for each note and one column for each system."""
    test = scores[scores["split"] == "test"]
    return test.pivot(index="note", columns="system", values=metric)


def _ratio(wide: pd.DataFrame, system: str, baseline: str) -> float:
    """Return the mean of a system over the mean of a baseline, on the notes that both have; NaN if there are none."""
    if system not in wide or baseline not in wide:
        return float("nan")
    both = np.asarray(wide[[system, baseline]].dropna(), float)
    return float(both[:, 0].mean() / both[:, 1].mean()) if len(both) else float("nan")


def _against(wide: pd.DataFrame, champion: pd.DataFrame | None) -> Criterion:
    """Compare the system "sing" with the champion on the notes that both were scored on."""
    meaning = "spectral loss over that of the champion on the same notes"
    advice = "the champion stays; see what changed between the two runs"
    if champion is None:
        return Criterion(True, 1.0, 1.0, f"{meaning} (there is none yet)", advice)
    theirs = _wide(champion, "spectral")["sing"].rename("champion")
    both = wide.join(theirs, how="inner")
    if both.empty:
        return Criterion(True, 1.0, 1.0, f"{meaning} (it was judged on other notes: the data changed)", advice)
    ratio = _ratio(both, "sing", "champion")
    return Criterion(ratio <= 1.0, ratio, 1.0, meaning, advice)
