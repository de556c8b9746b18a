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

from eval.metrics.blocks import Held, Sound, blocks
from eval.metrics.bss import METRICS, BssEval, Frames
from eval.metrics.speaker import SpeakerEncoder
from eval.metrics.whole_track import WholeTrack

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


def score_track(
    references: Mapping[str, np.ndarray | Sound],
    estimates: Mapping[str, np.ndarray | Sound],
    sample_rate: int,
    *,
    voice: SpeakerEncoder | None = None,
) -> TrackScores:
    """Return all metrics of all sources of a track.

    The sounds are read twice, in blocks of 2^18 samples: the memory needed does not depend on their length, except for
    the metric "voice similarity", which keeps the mono sums at 16 kHz (4 MB a minute and sound).
    The metrics of BSS Eval are computed in frames of 1 s without overlap, or in one frame if the track is shorter. If
    there is only one source, SIR is NaN, because no other source can interfere.

    Args:
        references: true sources by name, float, shape (T, K) each, as arrays or as sounds that are read in parts. SIR
            and SAR refer to the span of all of them.
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
    sounds = [*_sounds("reference", references, names), *_sounds("estimate", estimates, names)]
    frames, whole = _seen(sounds, names, sample_rate, voice)
    rows, seconds = [], []
    for number, name in enumerate(names):
        per_second = dict(zip(METRICS, frames.decibels[:, number], strict=True))
        if len(names) == 1:  # no other source can interfere; museval returns infinity here
            per_second["sir"] = np.full_like(per_second["sir"], np.nan)
        seconds.append(pd.DataFrame({"source": name, "second": np.arange(frames.decibels.shape[2]), **per_second}))
        window = min(1.0, sounds[0].shape[0] / sample_rate)
        for metric, values in per_second.items():
            undefined = int(np.isnan(values).sum())
            rows.append((name, f"c{metric.upper()}", _median(values), len(values), undefined, window))
        muted = whole[number].muted
        penalised = np.where(muted, 0.0, per_second["sdr"])
        rows.append((name, "cSDR, muted 0", _median(penalised), len(penalised), int(muted.sum()), window))
        for metric, value in whole[number].values().items():
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


def _sounds(kind: str, signals: "Mapping[str, np.ndarray | Sound]", names: Sequence[str]) -> list[Sound]:
    """Return the signals in the order of `names`.

    Raises:
        ValueError: the shapes differ.
    """
    sounds = [Held(one) if isinstance(one := signals[name], np.ndarray) else one for name in names]
    shapes = {name: tuple(one.shape) for name, one in zip(names, sounds, strict=True)}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{kind}s of different (samples, channels): {shapes}")
    return sounds


def _seen(
    sounds: Sequence[Sound], names: Sequence[str], sample_rate: int, voice: SpeakerEncoder | None
) -> tuple[Frames, list[WholeTrack]]:
    """Return what is found in the references and estimates of a track, which are read twice, in blocks.

    Raises:
        ValueError: references and estimates differ in shape, the track is too short, or a sample is not finite.
    """
    count, (length, channels) = len(names), sounds[0].shape
    if sounds[count].shape != sounds[0].shape:
        raise ValueError(f"references {sounds[0].shape} and estimates {sounds[count].shape} are not alike (T, K)")
    bss = BssEval((count, length, channels), window=sample_rate, hop=sample_rate)
    whole = [WholeTrack(length, sample_rate, voice) for _ in names]
    margin = max(bss.margin, whole[0].margin)
    for block in blocks(sounds, margin):
        for kind, samples in zip(("reference", "estimate"), np.split(block.inside, 2), strict=True):
            if not np.isfinite(samples).all():
                raise ValueError(f"the {kind} holds samples that are NaN or infinite")
        bss.survey(block)
        for number, one in enumerate(whole):
            one.survey(block.of([number, count + number]))
    for block in blocks(sounds, margin):
        bss.add(block)
        for number, one in enumerate(whole):
            one.add(block.of([number, count + number]))
    return bss.frames, whole


def _median(values: np.ndarray) -> float:
    """Return the median over the values that are not NaN; NaN if there are none."""
    defined = values[~np.isnan(values)]
    return float(np.median(defined)) if len(defined) else float("nan")
