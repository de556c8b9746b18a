"""All separation metrics of a track, each under a name that states its definition.

Several definitions of SDR are in use, and the same estimate can have 8.8 dB by one and 6.4 dB by another. So no metric
is called "SDR" alone. Each row of scores states the metric, the set of sources, the length of the frames and how many
frames have no value. `DEFINITIONS` holds the definition of each metric.

Conventions: the reference is the first argument; sound is float, full scale [-1, 1]; values are in dB and larger is
better, except where stated otherwise. If the reference is silent, a metric does not apply: its value is NaN.

Shapes: T samples, K channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data.files.audio import resample
from eval.metrics.bss import METRICS, bss_eval
from eval.metrics.delay import best_lag
from eval.metrics.hearing import specific_loudness_error
from eval.metrics.speaker import RATE, SpeakerEncoder, cosine
from eval.metrics.spectral import multi_resolution

DEFINITIONS = {
    "cSDR": "museval 4: median over 1 s frames of the ratio of the reference's energy to the error's; a frame with a "
    "silent reference or estimate has none",
    "cSDR, muted 0": "the same, but a frame that the estimate mutes counts as 0 dB, which is the ratio for nothing at "
    "all: muting what is hard does not raise this median",
    "cISR": "museval 4: median over 1 s frames, error within the span of the own reference delayed up to 511 samples",
    "cSIR": "museval 4: median over 1 s frames, error within the span of the other references; a source alone has none",
    "cSAR": "museval 4: median over 1 s frames, error outside the span of all references",
    "uSDR": "whole track, all channels: 10 log10((Σs² + 1e-7) / (Σ(s - e)² + 1e-7)) (MDX21, SDX23)",
    "SI-SDR": "whole track, all channels as one vector, the reference scaled to fit best (Le Roux et al. 2019)",
    "specific loudness error": "share of the loudness of the mono sum that is wrong, in time and frequency: 0 is heard "
    "alike, 1 is silence; smaller is better (eval.metrics.hearing)",
    "MR-STFT": "multi-resolution STFT distance of the mono sum over all frames, log magnitudes down to 70 dB below the "
    "largest of the reference; smaller is better",
    "voice similarity": "cosine between what a speaker encoder makes of the mono sums, larger is better; the row says "
    "which encoder, which no system was trained with",
    "lag": "delay of the estimate in ms at which it fits best, within 100 ms; where it is not 0, ratios mean little",
}
DISTANCES = frozenset({"specific loudness error", "MR-STFT"})  # smaller is better; "lag" is neither
RATIOS = frozenset(DEFINITIONS) - DISTANCES - {"voice similarity", "lag"}  # in dB
_FLOOR = 1e-7
_SECONDS = ("source", "second", *METRICS, "sources")
_SUMMARY = ("source", "metric", "value", "frames", "undefined", "sources", "window_seconds", "reciprocal_condition",
            "encoder")  # fmt: skip


@dataclass(frozen=True)
class TrackScores:
    """Separation scores of one track, or of several tracks concatenated.

    Attributes:
        summary: one row for each source and metric. Columns:
            source: name of the source.
            metric: name of the metric, a key of `DEFINITIONS`.
            value: the score; for cSDR, cISR, cSIR and cSAR the median over the frames that have a value.
            frames: number of frames; 1 for metrics of the whole track.
            undefined: number of frames without a value; for "cSDR, muted 0" number of frames that the estimate mutes.
            sources: names of all sources of the track, joined by "+".
            window_seconds: length of a frame in seconds; NaN for metrics of the whole track.
            reciprocal_condition: see `eval.metrics.bss.Frames`, to two significant digits.
            encoder: name of the encoder in rows of the metric "voice similarity", None in the others.
        seconds: one row for each source and frame of BSS Eval (1 s). Columns: source, second (number of the frame,
            from 0), sdr, isr, sir, sar (dB), sources.
    """

    summary: pd.DataFrame
    seconds: pd.DataFrame

    def labelled(self, **labels: str) -> "TrackScores":
        """Return a copy of the scores with one more leading column for each label.

        Args:
            **labels: name of the column and the text that all its rows hold, such as `track="A song"`.
        """
        frames = (self.summary.copy(), self.seconds.copy())
        for frame in frames:
            for place, (name, value) in enumerate(labels.items()):
                frame.insert(place, name, value)
        return TrackScores(*frames)

    @classmethod
    def together(cls, scores: "Sequence[TrackScores]") -> "TrackScores":
        """Return the scores of several tracks concatenated; empty data frames if there are no tracks."""
        if not scores:
            return cls(pd.DataFrame(columns=[*_SUMMARY]), pd.DataFrame(columns=[*_SECONDS]))
        return cls(
            pd.concat([one.summary for one in scores], ignore_index=True),
            pd.concat([one.seconds for one in scores], ignore_index=True),
        )


def usdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the utterance-level SDR (uSDR) of an estimate in dB, over the whole track and all channels.

    10 log10((Σs² + 1e-7) / (Σ(s - e)² + 1e-7)) for reference s and estimate e, as in the challenges MDX21 and SDX23.

    Args:
        reference: true source, float, shape (T, K), full scale [-1, 1].
        estimate: estimated source, same shape.

    Returns:
        The uSDR in dB, larger is better; NaN if the reference is silent.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> reference = np.array([[1.0, -1.0], [2.0, 0.0]])
        >>> round(usdr(reference, 0.9 * reference), 3)
        20.0
    """
    reference, estimate = _pair(reference, estimate)
    if not reference.any():
        return float("nan")
    signal, error = np.square(reference).sum(), np.square(reference - estimate).sum()
    return float(10 * np.log10((signal + _FLOOR) / (error + _FLOOR)))


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the scale-invariant SDR of an estimate in dB (Le Roux et al. 2019), over the whole track.

    All channels are treated as one vector. The reference is scaled to fit the estimate best.

    Args:
        reference: true source, float, shape (T, K).
        estimate: estimated source, same shape.

    Returns:
        The SI-SDR in dB, larger is better; NaN if the reference is silent, -inf if only the estimate is silent, inf if
        the estimate is a scaled copy of the reference.

    Raises:
        ValueError: the shapes differ.
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
    voice: SpeakerEncoder | None = None,
) -> TrackScores:
    """Return all metrics of all sources of a track.

    The metrics of BSS Eval are computed in frames of 1 s without overlap, or in one frame if the track is shorter. If
    there is only one source, SIR is NaN, because no other source can interfere.

    Args:
        references: true sources by name, float, shape (T, K) each. SIR and SAR refer to the span of all of them.
        estimates: estimated sources, with the same names and shapes.
        sample_rate: in Hz.
        voice: the encoder of the metric "voice similarity"; None leaves this metric out.

    Raises:
        ValueError: names or shapes differ, the track is shorter than 1,025 samples, or a sample is not finite.

    Example:
        >>> scores = score_track({"vocals": vocals, "accompaniment": rest}, estimates, sample_rate=44100)
        >>> scores.summary.pivot(index="source", columns="metric", values="value")
    """
    if set(references) != set(estimates):
        raise ValueError(f"references {sorted(references)} and estimates {sorted(estimates)} differ")
    names = sorted(references)
    true, found = _stacked("reference", references, names), _stacked("estimate", estimates, names)
    frames = bss_eval(true, found, window=sample_rate, hop=sample_rate)
    rows, seconds = [], []
    for number, name in enumerate(names):
        per_second = dict(zip(METRICS, frames.decibels[:, number], strict=True))
        if len(names) == 1:  # no other source can interfere; museval returns infinity here
            per_second["sir"] = np.full_like(per_second["sir"], np.nan)
        seconds.append(pd.DataFrame({"source": name, "second": np.arange(frames.decibels.shape[2]), **per_second}))
        window = min(1.0, true.shape[1] / sample_rate)
        for metric, values in per_second.items():
            undefined = int(np.isnan(values).sum())
            rows.append((name, f"c{metric.upper()}", _median(values), len(values), undefined, window))
        muted = _muted(true[number], found[number], sample_rate, frames.decibels.shape[2])
        penalised = np.where(muted, 0.0, per_second["sdr"])
        rows.append((name, "cSDR, muted 0", _median(penalised), len(penalised), int(muted.sum()), window))
        for metric, value in _whole_track(true[number], found[number], sample_rate, voice).items():
            rows.append((name, metric, value, 1, int(np.isnan(value)), np.nan))
    summary = pd.DataFrame(rows, columns=["source", "metric", "value", "frames", "undefined", "window_seconds"])
    by_second = pd.concat(seconds, ignore_index=True)
    summary["sources"] = by_second["sources"] = "+".join(names)
    # Only the order of magnitude matters, and the last digits depend on the order in which threads add.
    summary["reciprocal_condition"] = float(f"{frames.reciprocal_condition:.2g}")
    summary["encoder"] = None
    if voice is not None:
        summary.loc[summary["metric"] == "voice similarity", "encoder"] = voice.name
    return TrackScores(summary[[*_SUMMARY]], by_second)


def _stacked(kind: str, signals: Mapping[str, np.ndarray], names: Sequence[str]) -> np.ndarray:
    """Return the signals as one array (S sources, T, K), in the order of `names`.

    Raises:
        ValueError: the shapes differ or a sample is not finite.
    """
    shapes = {name: np.shape(signals[name]) for name in names}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{kind}s of different (samples, channels): {shapes}")
    stacked = np.stack([np.asarray(signals[name]) for name in names])
    if not np.isfinite(stacked).all():
        raise ValueError(f"the {kind} holds samples that are NaN or infinite")
    return stacked


def _whole_track(
    reference: np.ndarray, estimate: np.ndarray, sample_rate: int, voice: SpeakerEncoder | None
) -> dict[str, float]:
    """Return the metrics with one value for the whole track of a source (T, K), by name."""
    mono = reference.mean(1), estimate.mean(1)
    found = {
        "uSDR": usdr(reference, estimate),
        "SI-SDR": si_sdr(reference, estimate),
        "specific loudness error": specific_loudness_error(*mono, sample_rate),
        "MR-STFT": float(multi_resolution(*mono)),
        "lag": best_lag(reference, estimate, sample_rate),
    }
    if voice is not None:
        embedded = [voice.embed(resample(np.asarray(one, np.float32), sample_rate, RATE)) for one in mono]
        found["voice similarity"] = cosine(*embedded)
    return found


def _muted(reference: np.ndarray, estimate: np.ndarray, sample_rate: int, count: int) -> np.ndarray:
    """Return for each frame of 1 s whether the estimate (T, K) is silent in it and the reference is not, (count,)."""
    size = min(sample_rate, len(reference))
    heard = [one[: count * size].reshape(count, -1).any(1) for one in (reference, estimate)]
    return np.asarray(heard[0] & ~heard[1])


def _median(values: np.ndarray) -> float:
    """Return the median over the values that are not NaN; NaN if there are none."""
    defined = values[~np.isnan(values)]
    return float(np.median(defined)) if len(defined) else float("nan")


def _pair(reference: np.ndarray, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return reference and estimate as float64 arrays.

    Raises:
        ValueError: the shapes differ.
    """
    if np.shape(reference) != np.shape(estimate):
        raise ValueError(f"reference {np.shape(reference)} and estimate {np.shape(estimate)} differ in shape")
    return np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
