"""Separation scores, each under its own name: never "SDR" alone.

The same estimate scores 8.8 or 6.4 dB by different definitions of SDR, all in use. Every row says
which one it is, over which sources, in which windows, and how many of those had no value.

Conventions: reference first; sound is float, full scale [-1, 1]; decibels, larger is better
except where said. A silent reference is not applicable: NaN, counted, never a number.

Shapes: T samples, K channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.bss import METRICS, bss_eval
from eval.spectral import multi_resolution

DEFINITIONS = {
    "cSDR": "museval 4: median over 1 s frames of the ratio of the reference's energy to the error's",
    "cISR": "museval 4: median over 1 s frames, error within the span of the own reference delayed up to 511 samples",
    "cSIR": "museval 4: median over 1 s frames, error within the span of the other references",
    "cSAR": "museval 4: median over 1 s frames, error outside the span of all references",
    "uSDR": "whole track, all channels: 10 log10((Σs² + 1e-7) / (Σ(s - e)² + 1e-7)) (MDX21, SDX23)",
    "SI-SDR": "whole track, all channels as one vector, the reference scaled to fit best (Le Roux et al. 2019)",
    "MR-STFT": "multi-resolution STFT distance of the mono sum, smaller is better",
}
_FLOOR = 1e-7


@dataclass(frozen=True)
class TrackScores:
    """Scores of one track.

    Attributes:
        summary: a row a source and metric: source, metric, value, frames, undefined, sources,
            window_seconds, reciprocal_condition. Frames are 1 for metrics of the whole track.
        seconds: a row a source and second: source, second, sdr, isr, sir, sar.
    """

    summary: pd.DataFrame
    seconds: pd.DataFrame


def usdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the utterance-level SDR of (T, K) in dB, NaN where the reference is silent."""
    reference, estimate = _pair(reference, estimate)
    if not reference.any():
        return float("nan")
    signal, error = np.square(reference).sum(), np.square(reference - estimate).sum()
    return float(10 * np.log10((signal + _FLOOR) / (error + _FLOOR)))


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the scale-invariant SDR of (T, K) in dB.

    NaN where the reference is silent, -inf for a silent estimate, inf for a perfect one.
    """
    reference, estimate = _pair(reference, estimate)
    energy = np.square(reference).sum()
    if energy == 0:
        return float("nan")
    target = (reference * estimate).sum() / energy * reference
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.square(target).sum() / np.square(estimate - target).sum()
        return float(10 * np.log10(ratio)) if estimate.any() else float("-inf")


def judge_track(
    references: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray], sample_rate: int
) -> TrackScores:
    """Return every metric of every source of a track.

    Args:
        references: (T, K) of each source; together they are the span that SIR and SAR refer to.
        estimates: the same names and shapes.
        sample_rate: in Hz.

    Raises:
        ValueError: names or shapes differ, or a sample is not finite.
    """
    if set(references) != set(estimates):
        raise ValueError(f"references {sorted(references)} and estimates {sorted(estimates)} differ")
    names = sorted(references)
    true, found = (np.stack([np.asarray(signals[name]) for name in names]) for signals in (references, estimates))
    for kind, signals in (("reference", true), ("estimate", found)):
        if not np.isfinite(signals).all():
            raise ValueError(f"a {kind} holds samples that are NaN or infinite")
    frames = bss_eval(true, found, window=sample_rate, hop=sample_rate)
    rows, seconds = [], []
    for number, name in enumerate(names):
        per_second = dict(zip(METRICS, frames.decibels[:, number], strict=True))
        seconds.append(pd.DataFrame({"source": name, "second": np.arange(frames.decibels.shape[2]), **per_second}))
        whole = {
            "uSDR": usdr(true[number], found[number]),
            "SI-SDR": si_sdr(true[number], found[number]),
            "MR-STFT": float(multi_resolution(true[number].mean(1), found[number].mean(1))),
        }
        framed = {f"c{metric.upper()}": _median(values) for metric, values in per_second.items()}
        count = frames.decibels.shape[2]
        rows += [(name, metric, value, count, frames.undefined) for metric, value in framed.items()]
        rows += [(name, metric, value, 1, int(np.isnan(value))) for metric, value in whole.items()]
    summary = pd.DataFrame(rows, columns=["source", "metric", "value", "frames", "undefined"])
    summary["sources"], summary["window_seconds"] = "+".join(names), np.where(summary["frames"] > 1, 1.0, np.nan)
    summary["reciprocal_condition"] = frames.reciprocal_condition
    return TrackScores(summary, pd.concat(seconds, ignore_index=True))


def _median(values: np.ndarray) -> float:
    """Return the median over defined frames, NaN if there are none."""
    defined = values[~np.isnan(values)]
    return float(np.median(defined)) if len(defined) else float("nan")


def _pair(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both in float64.

    Raises:
        ValueError: shapes differ.
    """
    if np.shape(reference) != np.shape(estimate):
        raise ValueError(f"reference {np.shape(reference)} and estimate {np.shape(estimate)} differ in shape")
    return np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
