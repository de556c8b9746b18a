"""Which judges score converted voices, and the F0 family under the names of columns in the score tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data.pitch.trackers import JUDGE
from eval.conversion.measures import F0_MEASURES
from eval.metrics.f0 import compare

_COUNTS = ("frames", "voiced_reference", "voiced_estimate", "voiced_both")
F0_COLUMNS = (*_COUNTS, *F0_MEASURES)


@dataclass(frozen=True)
class Judges:
    """What judges the converted voices beside the measures that need no network.

    Attributes:
        tracker: pitch tracker that finds the melody of converted voices (`data.pitch.trackers`).
        speaker: file or folder of the weights of a speaker encoder; None takes statistics of the timbre, a stand-in
            (`eval.metrics.speaker.load_speaker_encoder`).
        recogniser: folder of a speech recogniser (`eval.metrics.recognition.load_recogniser`); None leaves out the
            errors of words.
        quality: file or folder of the weights of a predictor of speech quality
            (`eval.metrics.quality.load_quality_predictor`); None leaves it out.
        language: code of the language of the words, such as "en" or "zh"; None lets the recogniser decide.
        recognised: conditions whose converted voices are recognised.
        words: what is sung in a clip, by clip, where it is known.
        embedded: conditions whose embeddings are kept for the map of singers.
        clips_per_singer: number of clean clips that a mean embedding is taken over, at most.
    """

    tracker: str = JUDGE
    speaker: Path | None = None
    recogniser: Path | None = None
    quality: Path | None = None
    language: str | None = None
    recognised: tuple[str, ...] = ("clean",)
    words: Mapping[str, str] = field(default_factory=dict)
    embedded: tuple[str, ...] = ("clean",)
    clips_per_singer: int = 16


def f0_scores(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Return the F0 family and the counts of frames of an estimate by the names of `F0_COLUMNS`.

    Frames are compared at equal times, without alignment.

    Args:
        reference: F0 in Hz on the melody grid, float64, (N,), 0 where unvoiced.
        estimate: likewise, (N,); a negative number is the guess of an unvoiced frame.

    Returns:
        Values by name; NaN where a measure does not apply. Without frames all measures are NaN and all counts 0.

    Example:
        >>> f0_scores(np.full(100, 220.0), np.full(100, 440.0))["key_shift_cents"]
        1200.0
    """
    if not len(reference):
        return {**dict.fromkeys(F0_MEASURES, float("nan")), **dict.fromkeys(_COUNTS, 0.0)}
    found = compare(reference, estimate)
    return {name: found[name] for name in F0_COLUMNS}
