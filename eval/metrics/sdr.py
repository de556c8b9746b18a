"""Separation scores, each under its own name: never "SDR" alone.

The same estimate scores 8.8 or 6.4 dB by different definitions of SDR, all in use. Every row says
which one it is, over which sources, in which windows, and how many of those had no value.

Conventions: reference first; sound is float, full scale [-1, 1]; decibels, larger is better
except where said. A silent reference is not applicable: NaN, counted, never a number.

Shapes: T samples, K channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eval.metrics.bss import METRICS, bss_eval
from eval.metrics.embedding import Embedding, embedding_mse
from eval.metrics.spectral import multi_resolution

DEFINITIONS = {
    "cSDR": "museval 4: median over 1 s frames of the ratio of the reference's energy to the error's",
    "cISR": "museval 4: median over 1 s frames, error within the span of the own reference delayed up to 511 samples",
    "cSIR": "museval 4: median over 1 s frames, error within the span of the other references; a source alone has none",
    "cSAR": "museval 4: median over 1 s frames, error outside the span of all references",
    "uSDR": "whole track, all channels: 10 log10((Σs² + 1e-7) / (Σ(s - e)² + 1e-7)) (MDX21, SDX23)",
    "SI-SDR": "whole track, all channels as one vector, the reference scaled to fit best (Le Roux et al. 2019)",
    "MR-STFT": "multi-resolution STFT distance of the mono sum, smaller is better",
    "embedding MSE": "mean squared difference of what an encoder makes of the mono sums, smaller is better; "
    "the row says which encoder",
}
_FLOOR = 1e-7
_SECONDS = ("source", "second", *METRICS, "sources")
_SUMMARY = ("source", "metric", "value", "frames", "undefined", "sources", "window_seconds", "reciprocal_condition",
            "embedding")  # fmt: skip


@dataclass(frozen=True)
class TrackScores:
    """Scores of a track, or of several together.

    Attributes:
        summary: a row a source and metric: source, metric, value, frames, undefined, sources, window_seconds,
            reciprocal_condition, embedding. Frames are 1 for metrics of the whole track, whose window_seconds are NaN.
        seconds: a row a source and second: source, second, sdr, isr, sir, sar, sources.
    """

    summary: pd.DataFrame
    seconds: pd.DataFrame

    def labelled(self, **labels: str) -> "TrackScores":
        """Return the scores with columns in front that hold the same text in every row."""
        frames = (self.summary.copy(), self.seconds.copy())
        for frame in frames:
            for place, (name, value) in enumerate(labels.items()):
                frame.insert(place, name, value)
        return TrackScores(*frames)

    @classmethod
    def together(cls, scores: "Sequence[TrackScores]") -> "TrackScores":
        """Return the scores of several tracks as one; of none, empty frames."""
        if not scores:
            return cls(pd.DataFrame(columns=[*_SUMMARY]), pd.DataFrame(columns=[*_SECONDS]))
        return cls(
            pd.concat([one.summary for one in scores], ignore_index=True),
            pd.concat([one.seconds for one in scores], ignore_index=True),
        )


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


def score_track(
    references: Mapping[str, np.ndarray],
    estimates: Mapping[str, np.ndarray],
    sample_rate: int,
    *,
    embedding: Embedding | None = None,
) -> TrackScores:
    """Return every metric of every source of a track.

    Args:
        references: (T, K) of each source; together they are the span that SIR and SAR refer to.
        estimates: the same names and shapes.
        sample_rate: in Hz.
        embedding: the encoder of the embedding MSE; without one there is no row of it.

    Raises:
        ValueError: names or shapes differ, a track is too short, or a sample is not finite.
    """
    if set(references) != set(estimates):
        raise ValueError(f"references {sorted(references)} and estimates {sorted(estimates)} differ")
    names = sorted(references)
    true, found = _stacked("reference", references, names), _stacked("estimate", estimates, names)
    frames = bss_eval(true, found, window=sample_rate, hop=sample_rate)
    rows, seconds = [], []
    for number, name in enumerate(names):
        per_second = dict(zip(METRICS, frames.decibels[:, number], strict=True))
        if len(names) == 1:  # museval calls it infinite; there is nothing to interfere
            per_second["sir"] = np.full_like(per_second["sir"], np.nan)
        seconds.append(pd.DataFrame({"source": name, "second": np.arange(frames.decibels.shape[2]), **per_second}))
        window = min(1.0, true.shape[1] / sample_rate)
        for metric, values in per_second.items():
            undefined = int(np.isnan(values).sum())
            rows.append((name, f"c{metric.upper()}", _median(values), len(values), undefined, window))
        for metric, value in _whole_track(true[number], found[number], sample_rate, embedding).items():
            rows.append((name, metric, value, 1, int(np.isnan(value)), np.nan))
    summary = pd.DataFrame(rows, columns=["source", "metric", "value", "frames", "undefined", "window_seconds"])
    by_second = pd.concat(seconds, ignore_index=True)
    summary["sources"] = by_second["sources"] = "+".join(names)
    # An order of magnitude: its last digits depend on the order in which threads add.
    summary["reciprocal_condition"] = float(f"{frames.reciprocal_condition:.2g}")
    summary["embedding"] = None
    if embedding is not None:
        summary.loc[summary["metric"] == "embedding MSE", "embedding"] = embedding.name
    return TrackScores(summary[[*_SUMMARY]], by_second)


def _stacked(kind: str, signals: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Return the signals as one array (S, T, K), checked."""
    shapes = {name: np.shape(signals[name]) for name in names}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{kind}s of different (samples, channels): {shapes}")
    stacked = np.stack([np.asarray(signals[name]) for name in names])
    if not np.isfinite(stacked).all():
        raise ValueError(f"the {kind} holds samples that are NaN or infinite")
    return stacked


def _whole_track(
    reference: np.ndarray, estimate: np.ndarray, sample_rate: int, embedding: Embedding | None
) -> dict[str, float]:
    """Return the metrics that have one value for a whole track, of (T, K)."""
    mono = reference.mean(1), estimate.mean(1)
    found = {
        "uSDR": usdr(reference, estimate),
        "SI-SDR": si_sdr(reference, estimate),
        "MR-STFT": float(multi_resolution(*mono)),
    }
    if embedding is not None:
        found["embedding MSE"] = embedding_mse(*mono, sample_rate, embedding)
    return found


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
