"""Acceptance checks that decide whether a SING model is good enough to be promoted.

Promotion looks at the validation notes only, so that the test notes stay a test; the report shows the same checks on
the test notes. A check whose value cannot be measured (no pitched notes, no scores of a baseline) is not passed, so a
model is not promoted without evidence. The only exception is the comparison with the champion: it is passed if there is
no champion yet, or if the champion was scored on other notes.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.acceptance import WHOLE, Criterion
from eval.intervals import Interval, ratio_interval
from eval.report.numbers import interval

_NOTHING = Interval(float("nan"), float("nan"), float("nan"), 0, 0)


@dataclass(frozen=True)
class Bounds:
    """The bounds of the checks; `models.synthesis.config.Thresholds` configures them.

    Attributes:
        silence_ratio: largest allowed ratio of the spectral loss of SING to that of silence. It is asked for promotion
            only where a model need not be better than a copy, and told anyway.
        nearest_required: whether a model must be better than a copy of the nearest training note to be promoted.
        pitch_accuracy: smallest allowed share of pitched notes within 50 cents of their label, 0 to 1.
    """

    silence_ratio: float
    nearest_required: bool
    pitch_accuracy: float


def acceptance_criteria(
    scores: pd.DataFrame, bounds: Bounds, champion: pd.DataFrame | None = None, split: str = "test"
) -> dict[str, Criterion]:
    """Check the scores of the system "sing" against the bounds, the baselines and the champion.

    Being better than a copy, or than the champion, means that the whole 95 % interval of the ratio of their losses,
    drawn by instrument, lies below 1: what is better by luck does not replace anything.

    Args:
        scores: one row for each (system, note), as in scores.parquet (`eval.synthesis.score`); it holds the systems
            "sing", "silence" and "nearest_pitch".
        bounds: the bounds of the checks.
        champion: scores of the present champion in the same form, or None if there is no champion.
        split: split of the notes that are used: "valid" to decide on promotion, "test" to report.

    Returns:
        The result of each check by name: "complete", "better_than_silence", "better_than_nearest_pitch", "in_tune" and
        "better_than_champion".

    Example:
        >>> found = acceptance_criteria(scores, Bounds(0.6, nearest_required=True, pitch_accuracy=0.9), split="valid")
        >>> all(one.passed for one in found.values() if one.required)
    """
    part = scores[scores["split"] == split]
    wide = by_note(part, "spectral")
    silence, nearest = (loss_ratio(wide, "sing", one) for one in ("silence", "nearest_pitch"))
    tuned = by_note(part, "in_tune")
    share = float(tuned["sing"].mean()) if "sing" in tuned and tuned["sing"].notna().any() else float("nan")
    made = float(wide["sing"].notna().mean()) if "sing" in wide and len(wide) else float("nan")
    return {
        "complete": Criterion(
            made == 1.0,
            made,
            1.0,
            f"share of the {_NOTES[split]} it made, finite and of the right length",
            "see the reasons in the score table; a note that is missing is no good note",
        ),
        "better_than_silence": Criterion(
            silence.mean <= bounds.silence_ratio,
            silence.mean,
            bounds.silence_ratio,
            f"spectral loss divided by that of silence{_told(silence)}",
            "train longer, or look at the loss curves and the quarantine",
            required=not bounds.nearest_required,
        ),
        "better_than_nearest_pitch": Criterion(
            nearest.high < 1.0,
            nearest.mean,
            1.0,
            f"spectral loss divided by that of a copy of the nearest training note{_told(nearest)}{WHOLE}below",
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
        "better_than_champion": _against(wide, None if champion is None else champion[champion["split"] == split]),
    }


_NOTES = {"valid": "validation notes", "test": "test notes"}


def _told(ratio: Interval) -> str:
    """Return the interval of a ratio as text; nothing where there is no ratio."""
    return f" {interval(ratio.low, ratio.high, digits=3)}" if ratio.count else ""


def by_note(part: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return one metric, with one row for each (instrument, note) and one column for each system."""
    return part.pivot(index=["instrument", "note"], columns="system", values=metric)


def loss_ratio(wide: pd.DataFrame, system: str, other: str) -> Interval:
    """Return the mean of a system over the mean of another one, on the notes that both have, drawn by instrument.

    Args:
        wide: losses, as `by_note` returns them.
        system: name of the system.
        other: name of the other one, such as "silence".
    """
    if system not in wide or other not in wide:
        return _NOTHING
    ours, theirs = (np.asarray(wide[one], float) for one in (system, other))
    return ratio_interval(ours, theirs, wide.index.get_level_values("instrument").tolist())


def _against(wide: pd.DataFrame, champion: pd.DataFrame | None) -> Criterion:
    """Compare the system "sing" with the champion on the notes that both were scored on."""
    meaning = "spectral loss divided by that of the champion on the same notes"
    advice = "the champion stays; see what changed between the two runs"
    if champion is None:
        return Criterion(True, 1.0, 1.0, f"{meaning} (there is none yet)", advice)
    theirs = by_note(champion, "spectral")
    both = wide.join(theirs["sing"].rename("champion"), how="inner") if "sing" in theirs else wide[:0]
    if both.empty:
        return Criterion(True, 1.0, 1.0, f"{meaning} (it was judged on other notes: the data changed)", advice)
    ratio = loss_ratio(both, "sing", "champion")
    meaning += f"{_told(ratio)}{WHOLE}below"
    return Criterion(ratio.high < 1.0, ratio.mean, 1.0, meaning, advice)
