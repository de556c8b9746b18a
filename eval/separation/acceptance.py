"""Is a separation system good enough? Facts from the scores of the test songs against declared bounds.

Medians over the songs that both of two systems were judged on, of the vocals. As in `eval.synthesis.acceptance`, a
verdict that cannot be reached is not passed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.acceptance import Criterion
from eval.separation.tables import CEILING, MAIN, MASKS, MIXTURE, by_track, larger_is_better

BETTER_THAN_MIXTURE = ("uSDR", "SI-SDR", "cSIR", "MR-STFT")


@dataclass(frozen=True)
class Bounds:
    """What is asked of the systems.

    Attributes:
        mask_usdr: the least median uSDR of the discriminative network, dB.
        below_ceiling: the most that latent diffusion may lie below the codec's ceiling in SI-SDR, dB.
    """

    mask_usdr: float = 3.6
    below_ceiling: float = 6.0


def acceptance_criteria(scores: pd.DataFrame, bounds: Bounds) -> dict[str, Criterion]:
    """Judge the systems "masks" and "diffusion" in `scores`, which holds mixture and codec ceiling too.

    Args:
        scores: summary rows as `eval.separation.score` returns them, of every system.
        bounds: what is asked.

    Returns:
        A verdict for each check, by name.
    """
    tracks = by_track(scores)
    return {
        "complete": _complete(scores, tracks),
        "masks_separate": _masks(tracks, bounds),
        "better_than_mixture": _better_than_mixture(tracks),
        "near_codec_ceiling": _near_ceiling(tracks, bounds),
    }


def _complete(scores: pd.DataFrame, tracks: pd.DataFrame) -> Criterion:
    """Ask whether both systems made something of every song."""
    judged = scores[scores["split"] == "test"].groupby("system")["track"].nunique()
    songs = tracks["track"].nunique()
    shares = [int(judged.get(one, 0)) / songs if songs else float("nan") for one in (MASKS, MAIN)]
    return Criterion(
        min(shares) == 1.0,
        min(shares),
        1.0,
        "share of the test songs that both systems made something of",
        "see the reasons in the score table; a song that is missing is no good song",
    )


def _masks(tracks: pd.DataFrame, bounds: Bounds) -> Criterion:
    """Ask whether the discriminative network separates: no diffusion is worth more than its yardstick."""
    found = float(tracks.loc[tracks["system"] == MASKS, "uSDR"].median()) if len(tracks) else float("nan")
    return Criterion(
        found >= bounds.mask_usdr,
        found,
        bounds.mask_usdr,
        "median uSDR of the discriminative network, dB",
        "train it longer, or look at its loss curves: latent diffusion is judged beside it",
    )


def _better_than_mixture(tracks: pd.DataFrame) -> Criterion:
    """Ask whether latent diffusion beats the mixture in every measure that such a system must beat it in."""
    gains = {}
    for metric in BETTER_THAN_MIXTURE:
        ours, theirs = _medians(tracks, MAIN, MIXTURE, metric)
        gains[metric] = ours - theirs if larger_is_better(metric) else theirs - ours
    won = [metric for metric, gain in gains.items() if gain > 0]
    told = ", ".join(f"{metric} {gain:+.2f}" for metric, gain in gains.items())
    return Criterion(
        len(won) == len(gains),
        float(len(won)),
        float(len(gains)),
        f"measures in which the median of latent diffusion beats the mixture's ({told}; above 0 is better)",
        "train longer; where only uSDR fails, listen: it hardly tracks what listeners say of generative systems",
    )


def _near_ceiling(tracks: pd.DataFrame, bounds: Bounds) -> Criterion:
    """Ask whether what is lost is lost to the codec rather than to the diffusion."""
    ceiling, ours = _medians(tracks, CEILING, MAIN, "SI-SDR")
    return Criterion(
        ceiling - ours <= bounds.below_ceiling,
        ceiling - ours,
        bounds.below_ceiling,
        "median SI-SDR of the codec's ceiling less that of latent diffusion, dB",
        "the codec is not what holds it back: train the denoiser longer, or take more steps",
    )


def _medians(tracks: pd.DataFrame, first: str, second: str, metric: str) -> tuple[float, float]:
    """Return both systems' medians over the songs on which neither is NaN, NaN if there are none."""
    wide = tracks.pivot(index="track", columns="system", values=metric) if len(tracks) else pd.DataFrame()
    if first not in wide or second not in wide:
        return float("nan"), float("nan")
    both = np.asarray(wide[[first, second]].dropna(), float)
    return (float(np.median(both[:, 0])), float(np.median(both[:, 1]))) if len(both) else (float("nan"), float("nan"))
