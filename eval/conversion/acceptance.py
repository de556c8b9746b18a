"""Check the scores of melody extractor, conversion and vocoder against minimum requirements.

Each value is a mean over the clips of one split; test clips are of singers, songs and accompaniments that were not
trained on. A criterion whose value cannot be computed (NaN) is not passed. Where systems are compared, the comparison
is a paired one on the same clips (`eval.conversion.comparisons`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from eval.acceptance import Criterion
from eval.conversion.comparisons import best_of, compare, mean_of, means_of_both
from eval.conversion.measures import CORR, KEYFREE, OA, RECALL, RPA
from eval.conversion.systems import (
    CLEAN,
    CREPE,
    GRID,
    GRIFFIN_LIM,
    MAIN,
    ORIGINAL,
    condition_name,
    name_of,
    scored,
    systems_of,
)
from eval.report.numbers import chance

_WORDS = {RPA: "raw pitch accuracy", OA: "overall accuracy"}


@dataclass(frozen=True)
class Bounds:
    """Minimum requirements for melody extractor, conversion and vocoder.

    Attributes:
        rpa_0db: lowest accepted raw pitch accuracy of the melody extractor with accompaniment at 0 dB.
        oa_0db: lowest accepted overall accuracy at 0 dB.
        rpa_5db: lowest accepted raw pitch accuracy at 5 dB.
        rpa_clean: lowest accepted raw pitch accuracy on clean voices.
        trackers_at: conditions in which it must beat the best packaged tracker in both measures.
        f0_corr: lowest accepted F0CORR of the conversion of clean voices.
        voicing_recall: lowest accepted share of voiced frames that converted clean voices keep voiced.
        keyfree_cents: largest accepted key-free F0RMSE of the conversion of clean voices, in cents.
        growth: largest accepted ratio of the key-free F0RMSE at 0 dB to that on clean voices.
        baselines: systems that the conversion must beat.
        baselines_at: conditions in which it must beat them.
        nearer: lowest accepted share of converted clips that are nearer to the target singer than to the source.
        within_50_cents: lowest accepted share of voiced frames that copy synthesis keeps within 50 cents.
    """

    rpa_0db: float = 0.82
    oa_0db: float = 0.75
    rpa_5db: float = 0.92
    rpa_clean: float = 0.93
    trackers_at: tuple[str, ...] = ("snr5", "snr0")
    f0_corr: float = 0.9
    voicing_recall: float = 0.9
    keyfree_cents: float = 70.0
    growth: float = 1.25
    baselines: tuple[str, ...] = (ORIGINAL, CREPE)
    baselines_at: tuple[str, ...] = ("snr5", "snr0")
    nearer: float = 0.9
    within_50_cents: float = 0.95


@dataclass(frozen=True)
class Evidence:
    """What is judged. A part that is missing fails the criteria that need it.

    Attributes:
        scores: rows of scores.parquet (`eval.conversion.score`).
        melody: rows of melody_scores.parquet (`eval.conversion.melody_score`).
        vocoder: rows of vocoder_scores.parquet (`eval.conversion.vocoder_score`).
        chosen: name of the vocoder in use; "" for the only one beside Griffin-Lim, or the first of several.
        split: split that is judged: "test", or "valid" for decisions on promotion.
    """

    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    melody: pd.DataFrame = field(default_factory=pd.DataFrame)
    vocoder: pd.DataFrame = field(default_factory=pd.DataFrame)
    chosen: str = ""
    split: str = "test"


def acceptance_criteria(evidence: Evidence, bounds: Bounds) -> dict[str, Criterion]:
    """Check whether the conversion branch meets the requirements.

    Returns:
        All criteria by name: those of `melody_criteria`, `conversion_criteria` and `vocoder_criteria`.

    Example:
        >>> found = acceptance_criteria(Evidence(scores, melody, vocoder), Bounds())
        >>> failed = [name for name, one in found.items() if not one.passed]
    """
    return {
        **melody_criteria(evidence.melody, bounds, evidence.split),
        **conversion_criteria(evidence.scores, bounds, evidence.split),
        **vocoder_criteria(evidence.vocoder, bounds, evidence.chosen, evidence.split),
    }


def melody_criteria(melody: pd.DataFrame, bounds: Bounds, split: str = "test") -> dict[str, Criterion]:
    """Check the melody extractor.

    Returns:
        "melody_0db", "melody_overall_0db", "melody_5db", "melody_clean" and "above_trackers", by name.
    """
    advice = "train it longer or with more accompaniments; see by which conditions and singers it fails"
    asked = {
        "melody_0db": (RPA, "snr0", bounds.rpa_0db),
        "melody_overall_0db": (OA, "snr0", bounds.oa_0db),
        "melody_5db": (RPA, "snr5", bounds.rpa_5db),
        "melody_clean": (RPA, CLEAN, bounds.rpa_clean),
    }
    found = {}
    for name, (measure, condition, bound) in asked.items():
        value = _mean(melody, measure, condition, split)
        meaning = f"mean {_WORDS[measure]} of the melody extractor, {_where(condition)}"
        found[name] = _at_least(value, bound, meaning, advice)
    found["above_trackers"] = _above_trackers(melody, bounds, split)
    return found


def conversion_criteria(scores: pd.DataFrame, bounds: Bounds, split: str = "test") -> dict[str, Criterion]:
    """Check the conversion.

    Returns:
        "complete", "keeps_melody", "keeps_voicing", "in_tune", "robust", "beats_baselines" and "sounds_like_target", by
        name.
    """
    corr, cents, recall = (_mean(scores, one, CLEAN, split) for one in (CORR, KEYFREE, RECALL))
    clean, loud = means_of_both(scores, MAIN, KEYFREE, (CLEAN, "snr0"), split) if len(scores) else (np.nan, np.nan)
    growth = loud / clean if clean > 0 else float("nan")
    hints = "listen to the worst clips: is it the melody extractor, the acoustic model or the vocoder that errs?"
    return {
        "complete": _complete(scores, split),
        "keeps_melody": _at_least(corr, bounds.f0_corr, "mean F0CORR (both voiced) of converted clean voices", hints),
        # Errors of F0 count frames voiced in both: without this, a system that hardly sings would pass.
        "keeps_voicing": _at_least(
            recall,
            bounds.voicing_recall,
            "mean share of the voiced frames that converted clean voices keep voiced",
            hints,
        ),
        "in_tune": _at_most(
            cents, bounds.keyfree_cents, "mean key-free F0RMSE of converted clean voices, cents", hints
        ),
        "robust": _at_most(
            growth,
            bounds.growth,
            f"key-free F0RMSE at 0 dB ({loud:.1f} cents) divided by that of clean voices ({clean:.1f} cents)",
            "mix accompaniment in more often while training extractor and content network",
        ),
        "beats_baselines": _beats(scores, bounds, split),
        "sounds_like_target": _nearer(scores, bounds, split),
    }


def vocoder_criteria(
    vocoder: pd.DataFrame, bounds: Bounds, chosen: str = "", split: str = "test"
) -> dict[str, Criterion]:
    """Check copy synthesis of the vocoder in use: "vocoder_in_tune" and "vocoder_beats_griffin_lim"."""
    part = vocoder[vocoder["split"] == split] if len(vocoder) and "split" in vocoder else vocoder
    ours = [one for one in dict.fromkeys(part["system"]) if one != GRIFFIN_LIM] if len(part) else []
    name = chosen or (ours[0] if ours else "")
    share, ratio = float("nan"), float("nan")
    if name in ours:
        mine = part[(part["system"] == name) & (part["frames"] > 0)]
        if len(mine):
            share = float(np.average(mine["within_50_cents"].astype(float), weights=mine["frames"]))
        wide = part.pivot(index="clip", columns="system", values="mr_stft")
        if GRIFFIN_LIM in wide:
            both = np.asarray(wide[[name, GRIFFIN_LIM]].dropna(), float)
            ratio = float(both[:, 0].mean() / both[:, 1].mean()) if len(both) else float("nan")
    advice = "train the vocoder longer, or choose the arm that copies best on validation voices"
    shown = f" ({name_of(name)})" if name else ""
    return {
        "vocoder_in_tune": _at_least(
            share,
            bounds.within_50_cents,
            f"share of voiced frames that copy synthesis{shown} keeps within 50 cents",
            advice,
        ),
        "vocoder_beats_griffin_lim": Criterion(
            ratio < 1.0, ratio, 1.0, f"MR-STFT distance of copy synthesis{shown} divided by that of Griffin-Lim", advice
        ),
    }


def _where(condition: str) -> str:
    """Return a condition in words."""
    return "clean voices" if condition == CLEAN else f"accompaniment at {condition_name(condition)}"


def _mean(scores: pd.DataFrame, measure: str, condition: str, split: str) -> float:
    """Return the mean of the main system, NaN without scores."""
    return mean_of(scores, MAIN, measure, condition, split) if len(scores) else float("nan")


def _at_least(value: float, bound: float, meaning: str, advice: str) -> Criterion:
    return Criterion(bool(value >= bound), value, bound, meaning, advice)


def _at_most(value: float, bound: float, meaning: str, advice: str) -> Criterion:
    return Criterion(bool(value <= bound), value, bound, meaning, advice)


def _above_trackers(melody: pd.DataFrame, bounds: Bounds, split: str) -> Criterion:
    """Check that the melody extractor is above the best packaged tracker; the value is the number of comparisons won.

    In each condition and measure the best tracker is the one with the best mean; the test is corrected for the number
    of trackers.
    """
    trackers = [one for one in systems_of(melody) if one != MAIN] if len(melody) else []
    wins, told = 0, []
    for condition in bounds.trackers_at:
        part = scored(melody, split, [condition]) if trackers else melody
        for measure in (RPA, OA):
            best = best_of(part, trackers, measure)
            row = _row(compare(part, MAIN, trackers, measure), best) if best else None
            wins += bool(row is not None and row["wins"])
            shown = f"{row['difference']:+.3f} over {best}, p {chance(row['p'])}" if row is not None else "not compared"
            told.append(f"{_WORDS[measure]}, {condition_name(condition)}: {shown}")
    count = 2 * len(bounds.trackers_at)
    return Criterion(
        wins == count and count > 0,
        float(wins),
        float(count),
        f"comparisons with the best packaged pitch tracker that the melody extractor wins ({'; '.join(told)})",
        "train it longer, or with more accompaniments",
    )


def _beats(scores: pd.DataFrame, bounds: Bounds, split: str) -> Criterion:
    """Check that the conversion beats the baselines in key-free F0RMSE; the value is the number of comparisons won."""
    wins, told = 0, []
    for condition in bounds.baselines_at:
        part = scored(scores, split, [condition]) if len(scores) else scores
        found = compare(part, MAIN, bounds.baselines, KEYFREE)
        for baseline in bounds.baselines:
            row = _row(found, baseline)
            wins += bool(row is not None and row["wins"])
            shown = f"{row['difference']:+.0f} cents, p {chance(row['p'])}" if row is not None else "not compared"
            told.append(f"{name_of(baseline)} {condition_name(condition)}: {shown}")
    count = len(bounds.baselines) * len(bounds.baselines_at)
    return Criterion(
        wins == count,
        float(wins),
        float(count),
        f"comparisons of key-free F0RMSE with the baselines that the conversion wins ({'; '.join(told)})",
        "see whether the melody extractor is above the trackers; the acoustic model may ignore its features",
    )


def _nearer(scores: pd.DataFrame, bounds: Bounds, split: str) -> Criterion:
    """Check the share of converted clips that are nearer to the target singer than to the source singer.

    All conditions of the SNR grid count.
    """
    part = scored(scores, split, list(GRID)) if len(scores) else pd.DataFrame()
    mine = part[part["system"] == MAIN] if len(part) else part
    known = mine[mine["nearer"].notna()] if "nearer" in mine else mine.iloc[:0]
    share = float(known["nearer"].astype(float).mean()) if len(known) else float("nan")
    named = f" (encoder: {known['speaker_encoder'].iloc[0]})" if len(known) else ""
    return _at_least(
        share,
        bounds.nearer,
        f"share of converted clips, clean to 0 dB, that are nearer to the target singer than to the source{named}",
        "train the acoustic model longer; see which discriminator pulls towards the target",
    )


def _complete(scores: pd.DataFrame, split: str) -> Criterion:
    """Check that the conversion made something of every clip and condition that any system was given."""
    part = scores[scores["split"] == split] if len(scores) else scores
    share = float("nan")
    if len(part):
        given = set(zip(part["clip"], part["condition"], strict=True))
        mine = part[(part["system"] == MAIN) & part["reason"].isna()]
        share = len(set(zip(mine["clip"], mine["condition"], strict=True)) & given) / len(given)
    return Criterion(
        share == 1.0,
        share,
        1.0,
        "share of the clips and conditions that the conversion made something of",
        "see the reasons in the score table; a clip that is missing is no good clip",
    )


def _row(found: pd.DataFrame, baseline: str) -> Mapping[Any, Any] | None:
    """Return the comparison with one baseline; None if there is none or no clip was compared."""
    rows: Sequence[Mapping[Any, Any]] = found.to_dict("records")
    return next((one for one in rows if one["baseline"] == baseline and one["count"]), None)
