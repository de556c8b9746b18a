"""Decide whether a conversion system becomes the champion, the one that is in use.

The decision is made on the validation clips only, so that the test clips stay a test. A champion is replaced by a
system that is worse in nothing and better, by a whole 95 % interval drawn by song, in melody or in likeness. A
criterion whose value cannot be measured is not passed: nothing is promoted without evidence. The only exception is the
comparison with the champion, which is passed if there is no champion yet, or if it was judged on other clips.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from eval.acceptance import Criterion
from eval.conversion.acceptance import Bounds, conversion_criteria, melody_criteria
from eval.conversion.measures import KEYFREE
from eval.conversion.systems import GRID, GROUP, MAIN, VALID, scored
from eval.intervals import mean_interval, ratio_interval
from eval.report.numbers import interval


@dataclass(frozen=True)
class Promotion:
    """The bounds of a promotion.

    Attributes:
        bounds: minimum requirements, which are asked of the validation clips here.
        required: names of the criteria that must be passed; the others are told only. The number of validation
            singers may be too small for paired tests, so these are not required by default.
        worse: largest accepted ratio of the key-free F0RMSE to that of the champion on the same clips.
        margin: largest accepted loss in similarity to the target singer (less similarity to the source) against the
            champion, in cosine.
    """

    bounds: Bounds = field(default_factory=Bounds)
    required: tuple[str, ...] = (
        "complete", "keeps_melody", "keeps_voicing", "in_tune", "sounds_like_target", "in_tune_as_champion",
        "sounds_as_champion", "better_than_champion",
    )  # fmt: skip
    worse: float = 1.0
    margin: float = 0.02


def promotion_criteria(
    scores: pd.DataFrame, melody: pd.DataFrame, promotion: Promotion, champion: pd.DataFrame | None
) -> dict[str, Criterion]:
    """Check a challenger on the validation clips against the bounds and the champion.

    Args:
        scores: rows of scores.parquet (`eval.conversion.score`); only rows of the split "valid" are used.
        melody: rows of melody_scores.parquet; may be empty, if no criterion on melodies is required.
        promotion: the bounds.
        champion: scores of the present champion in the same form; None if there is no champion.

    Returns:
        The criteria of `eval.conversion.acceptance`, "in_tune_as_champion", "sounds_as_champion" and
        "better_than_champion"; `required` is set as `promotion` says.

    Example:
        >>> found = promotion_criteria(scores, melody, Promotion(), champion=None)
        >>> promoted = all(one.passed for one in found.values() if one.required)
    """
    found = {
        **melody_criteria(melody, promotion.bounds, VALID),
        **conversion_criteria(scores, promotion.bounds, VALID),
        "in_tune_as_champion": _in_tune(scores, champion, promotion),
        "sounds_as_champion": _sounds(scores, champion, promotion),
        "better_than_champion": _better(scores, champion),
    }
    return {name: replace(one, required=name in promotion.required) for name, one in found.items()}


def _both(scores: pd.DataFrame, champion: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of challenger and champion on the (clip, condition) that both have, (items, 2)."""
    return _paired(scores, champion, column)[0]


def _paired(scores: pd.DataFrame, champion: pd.DataFrame, column: str) -> tuple[np.ndarray, list[str]]:
    """Return the same, and the song of each item."""
    frames = []
    for frame in (scores, champion):
        part = scored(frame, VALID, list(GRID)) if len(frame) else frame
        if not len(part) or column not in part:
            return np.zeros((0, 2)), []
        mine = part[part["system"] == MAIN].set_index(["clip", "condition", GROUP])[column].astype(float)
        frames.append(mine)
    both = pd.concat(frames, axis=1, join="inner").dropna()
    return np.asarray(both, float), both.index.get_level_values(GROUP).tolist()


def _in_tune(scores: pd.DataFrame, champion: pd.DataFrame | None, promotion: Promotion) -> Criterion:
    """Compare key-free F0RMSE with that of the champion."""
    meaning = "key-free F0RMSE divided by that of the champion on the same clips"
    advice = "the champion stays; see what changed between the two runs"
    if champion is None:
        return Criterion(True, 1.0, promotion.worse, f"{meaning} (there is none yet)", advice)
    both = _both(scores, champion, KEYFREE)
    if not len(both):
        return _on_other_clips(scores, KEYFREE, (1.0, promotion.worse), meaning, advice)
    ratio = float(both[:, 0].mean() / both[:, 1].mean()) if both[:, 1].mean() > 0 else float("nan")
    return Criterion(bool(ratio <= promotion.worse), ratio, promotion.worse, meaning, advice)


def _sounds(scores: pd.DataFrame, champion: pd.DataFrame | None, promotion: Promotion) -> Criterion:
    """Compare the margin of the speaker similarities (target less source) with that of the champion."""
    meaning = "loss in similarity (to the target less to the source, cosine) against the champion on the same clips"
    advice = "the champion stays; see what changed in the acoustic model and its discriminators"
    if champion is None:
        return Criterion(True, 0.0, promotion.margin, f"{meaning} (there is none yet)", advice)
    target, source = (_both(scores, champion, one) for one in ("speaker_target", "speaker_source"))
    if not len(target) or not len(source):
        return _on_other_clips(scores, "speaker_target", (0.0, promotion.margin), meaning, advice)
    ours, theirs = (float(target[:, one].mean() - source[:, one].mean()) for one in (0, 1))
    return Criterion(bool(theirs - ours <= promotion.margin), theirs - ours, promotion.margin, meaning, advice)


def _better(scores: pd.DataFrame, champion: pd.DataFrame | None) -> Criterion:
    """Check that the challenger is better than the champion in melody or in likeness, by the whole interval."""
    meaning = "key-free F0RMSE divided by that of the champion"
    advice = "the champion stays: the challenger is not clearly better in melody nor in likeness"
    if champion is None:
        return Criterion(True, 1.0, 1.0, f"{meaning} (there is none yet)", advice)
    (tuned, songs), (target, voices) = (_paired(scores, champion, one) for one in (KEYFREE, "speaker_target"))
    if not len(tuned):
        return _on_other_clips(scores, KEYFREE, (1.0, 1.0), meaning, advice)
    ratio = ratio_interval(tuned[:, 0], tuned[:, 1], songs)
    margins = target - _both(scores, champion, "speaker_source") if len(target) else target
    nearer = mean_interval(margins[:, 0] - margins[:, 1], voices)
    gained = interval(nearer.low, nearer.high, digits=3, signed=True)
    told = (
        f"{meaning} {interval(ratio.low, ratio.high, digits=3)}, or the gain in similarity (to the target less to "
        f"the source) {gained}: all of one interval must be on the better side"
    )
    return Criterion(bool(ratio.high < 1 or nearer.low > 0), ratio.mean, 1.0, told, advice)


def _on_other_clips(
    scores: pd.DataFrame, column: str, values: tuple[float, float], meaning: str, advice: str
) -> Criterion:  # fmt: skip
    """Return a passed criterion where the champion was judged on other clips; not passed if we have no value either.

    Args:
        scores: scores of the challenger.
        column: what is compared.
        values: the value that counts as equal, and the bound.
        meaning: meaning of the criterion.
        advice: advice of the criterion.
    """
    part = scored(scores, VALID, list(GRID)) if len(scores) else scores
    measured = len(part) > 0 and column in part and part.loc[part["system"] == MAIN, column].notna().any()
    told = f"{meaning} (it was judged on other clips: the data changed)"
    return Criterion(bool(measured), values[0] if measured else float("nan"), values[1], told, advice)
