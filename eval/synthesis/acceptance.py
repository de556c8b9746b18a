"""Is a model good enough? Facts from the scores against declared bounds.

Everything is computed on the test pairs. A verdict that cannot be reached (no pitched notes, no
baseline) is not passed: absence of evidence promotes nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.acceptance import Criterion


@dataclass(frozen=True)
class Bounds:
    """What is asked of a model (`models.synthesis.config.Thresholds`)."""

    silence_ratio: float
    nearest_required: bool
    pitch_accuracy: float


def acceptance_criteria(scores: pd.DataFrame, bounds: Bounds, champion: pd.DataFrame | None) -> dict[str, Criterion]:
    """Judge the system "sing" in `scores`, which holds the baselines too.

    Args:
        scores: tidy frame of systems and notes, test and training.
        bounds: what is asked.
        champion: the scores of the present champion, or None.

    Returns:
        A verdict for each check, by name.
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
    """Return one metric on the test notes, a column a system."""
    test = scores[scores["split"] == "test"]
    return test.pivot(index="note", columns="system", values=metric)


def _ratio(wide: pd.DataFrame, system: str, baseline: str) -> float:
    """Return the ratio of means over the notes both have, NaN if there are none."""
    if system not in wide or baseline not in wide:
        return float("nan")
    both = np.asarray(wide[[system, baseline]].dropna(), float)
    return float(both[:, 0].mean() / both[:, 1].mean()) if len(both) else float("nan")


def _against(wide: pd.DataFrame, champion: pd.DataFrame | None) -> Criterion:
    """Compare with the champion on the notes both were judged on."""
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
