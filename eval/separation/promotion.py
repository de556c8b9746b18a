"""Decide which separation system is in use, by the validation songs only; the test songs are for the report.

The contestants are the discriminative network, latent diffusion, and published separators that are at hand. The one
with the highest mean uSDR challenges the champion. It replaces it if it is better than doing nothing and than the
champion, each by the whole 95 % interval of the differences, song by song. A criterion whose value cannot be measured
is not passed, so nothing is promoted without evidence. The only exception is the comparison with the champion, which is
passed if there is no champion yet, or if the champion was judged on other songs.
"""

import numpy as np
import pandas as pd

from eval.acceptance import WHOLE, Criterion
from eval.intervals import Interval, mean_interval
from eval.report.numbers import interval
from eval.separation.tables import MIXTURE, by_track

VALID = "valid"


def best_system(scores: pd.DataFrame) -> str:
    """Return the system, other than the mixture, with the highest mean uSDR of the vocals on the validation songs.

    A song that a system made nothing of counts as the mixture's uSDR.

    Args:
        scores: rows of scores.parquet (`eval.separation.score.write_scores`) with the system "mixture" and others.

    Raises:
        ValueError: there is no other system.

    Example:
        >>> best_system(scores)
        'masks'
    """
    wide = _usdr(scores)
    means = wide.apply(lambda column: column.fillna(wide[MIXTURE])).mean().drop(MIXTURE)
    if means.empty:
        raise ValueError(f"no system but {MIXTURE}")
    return str(means.idxmax())


def promotion_criteria(scores: pd.DataFrame, system: str, champion: pd.DataFrame | None) -> dict[str, Criterion]:
    """Check a system on the validation songs.

    Args:
        scores: rows of scores.parquet with the system and "mixture".
        system: name of the challenger.
        champion: rows of scores.parquet of the present champion alone; None if there is none.

    Returns:
        The criteria "complete", "better_than_mixture", "heard_better_than_mixture" and "better_than_champion".

    Example:
        >>> found = promotion_criteria(scores, best_system(scores), champion=None)
        >>> promoted = all(one.passed for one in found.values())
    """
    usdr, error = _usdr(scores), _wide(scores, "specific loudness error")
    made = float(usdr[system].notna().mean()) if len(usdr) else float("nan")
    gain = mean_interval(_column(usdr, system) - _column(usdr, MIXTURE))
    heard = mean_interval(_column(error, MIXTURE) - _column(error, system))
    advice = "train it longer, or look at its loss curves"
    return {
        "complete": Criterion(
            made == 1.0,
            made,
            1.0,
            "share of the validation songs it made something of",
            "see the reasons in the scores",
        ),
        "better_than_mixture": Criterion(
            gain.low > 0, gain.mean, 0.0, f"uSDR above the mixture's in dB{_told(gain)}", advice
        ),
        "heard_better_than_mixture": Criterion(
            heard.low > 0, heard.mean, 0.0, f"specific loudness error below the mixture's{_told(heard)}", advice
        ),
        "better_than_champion": _against(usdr[system], champion),
    }


def _against(ours: pd.Series, champion: pd.DataFrame | None) -> Criterion:
    """Compare the uSDR of a system by song with that of the champion."""
    meaning, advice = "uSDR above the champion's in dB", "the champion stays; see what changed between the two"
    if champion is None:
        return Criterion(True, 0.0, 0.0, f"{meaning} (there is none yet)", advice)
    both = pd.concat([ours, _usdr(champion).iloc[:, 0]], axis=1, join="inner").dropna()
    if both.empty:
        return Criterion(True, 0.0, 0.0, f"{meaning} (it was judged on other songs: the data changed)", advice)
    values = np.asarray(both, float)
    gain = mean_interval(values[:, 0] - values[:, 1])
    return Criterion(gain.low > 0, gain.mean, 0.0, f"{meaning}{_told(gain)}", advice)


def _usdr(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the uSDR of the vocals, a row for each validation song and a column for each system."""
    return _wide(scores, "uSDR")


def _wide(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return a metric of the vocals, a row for each validation song and a column for each system."""
    return by_track(scores, split=VALID).pivot(index="track", columns="system", values=metric)


def _column(wide: pd.DataFrame, system: str) -> np.ndarray:
    """Return the values of a system; NaN if it has none."""
    return np.asarray(wide[system], float) if system in wide else np.full(len(wide), np.nan)


def _told(gain: Interval) -> str:
    """Return the interval of a gain as text, and that all of it counts; nothing where there is no gain."""
    return f" {interval(gain.low, gain.high, signed=True)}{WHOLE}above" if gain.count else ""
