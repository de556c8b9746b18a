"""Check the scores of the separation systems against minimum requirements.

Only the scores of the vocals of the test songs count. A system is represented by its median over songs. Where two
systems are compared, both medians are taken over the songs on which both have a value. A criterion whose value cannot
be computed (NaN) is not passed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.acceptance import WHOLE, Criterion
from eval.intervals import Interval, mean_interval
from eval.report.numbers import number, with_interval
from eval.separation.tables import CEILING, MAIN, MASKS, MIXTURE, REFINED, by_track, larger_is_better

BETTER_THAN_MIXTURE = ("uSDR", "SI-SDR", "cSIR", "specific loudness error")


@dataclass(frozen=True)
class Bounds:
    """Minimum requirements for the separation systems.

    Attributes:
        mask_usdr: lowest accepted median uSDR of the discriminative network, in dB.
        below_ceiling: largest accepted difference in median SI-SDR, codec ceiling minus latent diffusion, in dB.
    """

    mask_usdr: float = 3.6
    below_ceiling: float = 6.0


def acceptance_criteria(scores: pd.DataFrame, bounds: Bounds) -> dict[str, Criterion]:
    """Check whether the systems "masks" and "diffusion" meet the requirements.

    Args:
        scores: rows of scores.parquet (`eval.separation.score.write_scores`) of the systems "masks", "diffusion",
            "mixture" and "codec_ceiling"; other systems may be present. A missing system fails the criteria that
            need it.
        bounds: minimum requirements.

    Returns:
        The criteria "complete", "masks_separate", "better_than_mixture", "near_codec_ceiling" and, if there is the
        system "refine", "refining_helps", by name.

    Example:
        >>> found = acceptance_criteria(pd.read_parquet("scores.parquet"), Bounds(mask_usdr=3.6))
        >>> failed = [name for name, one in found.items() if not one.passed]
    """
    tracks = by_track(scores)
    return {
        "complete": _complete(scores, tracks),
        "masks_separate": _masks(tracks, bounds),
        "better_than_mixture": _better_than_mixture(tracks),
        "near_codec_ceiling": _near_ceiling(tracks, bounds),
        **({"refining_helps": _refining(tracks)} if REFINED in set(scores["system"]) else {}),
    }


def _complete(scores: pd.DataFrame, tracks: pd.DataFrame) -> Criterion:
    """Check that both systems have scores for every test song; the value is the smaller of their two shares.

    A row with a reason instead of a metric says that a system failed on a song; it is no score.
    """
    scored = scores[(scores["split"] == "test") & scores["metric"].notna()].groupby("system")["track"].nunique()
    songs = tracks["track"].nunique()
    shares = [int(scored.get(one, 0)) / songs if songs else float("nan") for one in (MASKS, MAIN)]
    return Criterion(
        min(shares) == 1.0,
        min(shares),
        1.0,
        "share of the test songs that both systems made something of",
        "see the reasons in the score table; a song that is missing is no good song",
    )


def _masks(tracks: pd.DataFrame, bounds: Bounds) -> Criterion:
    """Check the median uSDR of the discriminative network, the baseline that latent diffusion is compared with."""
    found = float(tracks.loc[tracks["system"] == MASKS, "uSDR"].median()) if len(tracks) else float("nan")
    return Criterion(
        found >= bounds.mask_usdr,
        found,
        bounds.mask_usdr,
        "median uSDR of the discriminative network, dB",
        "train it longer, or look at its loss curves: latent diffusion is judged beside it",
    )


def _better_than_mixture(tracks: pd.DataFrame) -> Criterion:
    """Check that latent diffusion has a better median than the mixture in all of `BETTER_THAN_MIXTURE`."""
    gains = {}
    for metric in BETTER_THAN_MIXTURE:
        ours, theirs = _medians(tracks, MAIN, MIXTURE, metric)
        gains[metric] = ours - theirs if larger_is_better(metric) else theirs - ours
    won = [metric for metric, gain in gains.items() if gain > 0]
    listed = ", ".join(f"{metric} {number(gain, digits=2, signed=True)}" for metric, gain in gains.items())
    return Criterion(
        len(won) == len(gains),
        float(len(won)),
        float(len(gains)),
        f"measures in which the median of latent diffusion beats the mixture's ({listed}; above 0 is better)",
        "train longer; where only uSDR fails, listen: uSDR counts errors of phase as much as those of the spectrum",
    )


def _near_ceiling(tracks: pd.DataFrame, bounds: Bounds) -> Criterion:
    """Check how far latent diffusion lies below the codec ceiling, the best result that the codec allows."""
    ceiling, ours = _medians(tracks, CEILING, MAIN, "SI-SDR")
    return Criterion(
        ceiling - ours <= bounds.below_ceiling,
        ceiling - ours,
        bounds.below_ceiling,
        "median SI-SDR of the codec ceiling minus that of latent diffusion, dB",
        "the codec is not what holds it back: train the denoiser longer, or take more steps",
    )


def _refining(tracks: pd.DataFrame) -> Criterion:
    """Check that refined estimates are not worse than the masks in uSDR, and better in MR-STFT, song by song."""
    wide = {one: tracks.pivot(index="track", columns="system", values=one) for one in ("uSDR", "MR-STFT")}
    there = len(tracks) > 0 and {MASKS, REFINED} <= set(wide["uSDR"])
    usdr, distance = (
        mean_interval(np.asarray(one[REFINED] - one[MASKS], float) if there else np.array([])) for one in wide.values()
    )
    return Criterion(
        usdr.high >= 0 and distance.high < 0,
        distance.mean,
        0.0,
        f"MR-STFT distance of the refined estimates minus that of the discriminative network ({_told(distance)}; uSDR "
        f"likewise {_told(usdr)} dB, not all of which may be below 0){WHOLE}below 0",
        "train the refining network longer; until then the discriminative network alone is the better choice",
    )


def _told(gain: Interval) -> str:
    """Return the mean of a difference and its interval as text."""
    return with_interval(gain.mean, gain.low, gain.high, signed=True)


def _medians(tracks: pd.DataFrame, first: str, second: str, metric: str) -> tuple[float, float]:
    """Return the medians of two systems over the songs on which both have a value; both NaN if there is none."""
    wide = tracks.pivot(index="track", columns="system", values=metric) if len(tracks) else pd.DataFrame()
    if first not in wide or second not in wide:
        return float("nan"), float("nan")
    both = np.asarray(wide[[first, second]].dropna(), float)
    return (float(np.median(both[:, 0])), float(np.median(both[:, 1]))) if len(both) else (float("nan"), float("nan"))
