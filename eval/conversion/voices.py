"""Judges converted voices one by one: melody, words, singer, level. `eval.conversion.score` says what the values mean.

Shapes: T samples, N frames, D values of an embedding.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from data.errors import InputError
from data.pitch.trackers import RATE, track
from data.processes import Reopened
from data.voices.targets import log_energy
from eval.conversion.inputs import Made, Mixtures, References
from eval.conversion.judges import Judges, f0_scores
from eval.metrics.mcd import timbre_distances
from eval.metrics.quality import load_quality_predictor
from eval.metrics.recognition import load_recogniser, word_errors
from eval.metrics.speaker import centroid, cosine, load_speaker_encoder

_SLACK = 0.15  # seconds by which a converted voice may be shorter or longer than its source
_SILENT = 40.0  # dB below the loudest frame of the source
_LEAST = 10  # frames below which a level has no value
_DECIBELS = 20 / np.log(10)  # per unit of the natural logarithm of an amplitude
_NOTHING = {"words": float("nan"), "characters": float("nan")}


class VoiceJudge(Reopened):
    """Judges all that was made of a clip.

    Another process that it is sent to opens the networks anew.

    Example:
        >>> judge = VoiceJudge(Made(converted), Mixtures(mixtures), References(voices, targets), Judges())
        >>> judge.score("yifen-1-01")["scores"]
    """

    def __init__(self, made: Made, mixtures: Mixtures, references: References, judges: Judges) -> None:
        """Open the networks that `judges` names.

        Raises:
            InputError: an encoder, recogniser or predictor of quality is missing or damaged.
        """
        self._made, self._mixtures, self._references, self._judges = made, mixtures, references, judges
        self._speaker = load_speaker_encoder(judges.speaker)
        self._recogniser = None
        if judges.recogniser is not None:
            self._recogniser = load_recogniser(judges.recogniser, judges.language)
        self._quality = None if judges.quality is None else load_quality_predictor(judges.quality)
        self._embedded: dict[str, np.ndarray] = {}

    def score(self, clip: str) -> dict[str, pd.DataFrame]:
        """Return the tables "scores" and "embeddings" of everything that was made of a clip."""
        source = _Source(self._references, clip)
        rows, embeddings = [], []
        for _, condition in (one for one in self._made.pairs if one[0] == clip):
            labels = self._mixtures.labels_of(clip, condition, self._made.folder)
            for system in self._made.systems(clip, condition):
                row, embedding = self._score((system, clip, condition), labels["singer"], source)
                rows.append({"system": system, **labels, **row, "reason": None})
                if condition in self._judges.embedded:
                    embeddings.append(
                        {"kind": system, "clip": clip, "condition": condition, "singer": labels["singer"],
                         "split": labels["split"], "embedding": embedding.tolist()}
                    )  # fmt: skip
        return {"scores": pd.DataFrame(rows), "embeddings": pd.DataFrame(embeddings)}

    def _score(self, key: tuple[str, str, str], singer: str, source: "_Source") -> tuple[dict[str, Any], np.ndarray]:
        """Return all values of one converted voice, and its embedding (D,).

        Raises:
            InputError: its length differs too much from its source's.
        """
        wave = self._made.wave(*key)
        assert wave is not None, "the key is one of the shards"
        if abs(len(wave) - len(source.wave)) > _SLACK * RATE:
            raise InputError(
                f"{self._made.folder}: {key[0]} of {key[1]} {key[2]} has {len(wave)} samples, its source "
                f"{len(source.wave)}; convert it again"
            )
        target = self._made.text("target", key) or self._references.voices.target
        hertz, _ = track(self._judges.tracker, wave, guesses=True)
        count = min(len(hertz), len(source.reference.f0))
        true, found = source.reference.f0[:count], hertz[:count].astype(np.float64)
        similarity, embedding = self._similarity(wave, key[1], (target, singer))
        row = {
            "target": target,
            "seconds": len(wave) / RATE,
            "shift_cents": self._made.number("shift_cents", key),
            "tracker": self._judges.tracker,
            "reference": source.reference.name,
            **f0_scores(true, found),
            **timbre_distances(source.wave, wave),
            **similarity,
            "speech_quality": float("nan") if self._quality is None else self._quality.predict(wave),
            "quality_predictor": "" if self._quality is None else self._quality.name,
            "silence_db": level_in_silences(source, wave),
            **self._words(wave, key, source),
        }
        return row, embedding

    def _similarity(self, wave: np.ndarray, clip: str, singers: tuple[str, str]) -> tuple[dict[str, Any], np.ndarray]:
        """Return the similarities of a voice to (target, source singer), and its embedding (D,)."""
        embedding = self._speaker.embed(wave)
        target, source = (cosine(embedding, self._mean_embedding(one, clip)) for one in singers)
        nearer = float(target > source) if np.isfinite(target) and np.isfinite(source) else float("nan")
        named = {"speaker_target": target, "speaker_source": source, "nearer": nearer}
        return {**named, "speaker_encoder": self._speaker.name}, embedding

    def _mean_embedding(self, singer: str, clip: str) -> np.ndarray:
        """Return the mean embedding of clean clips of a singer, without `clip` if there are others; (D,).

        It is zero if there is no clean clip of the singer.
        """
        known = self._clips_of(singer)
        others = [one for one in known if one != clip] or known
        return centroid(np.stack([self._clean(one) for one in others])) if others else np.zeros(1)

    def _clips_of(self, singer: str) -> list[str]:
        """Return the first clean clips of a singer, at most `clips_per_singer`; of training where there are any."""
        sung = self._references.voices.sung(singer=singer)
        trained = [one.id for one in sung if one.split == "train"] or [one.id for one in sung]
        return trained[: self._judges.clips_per_singer]

    def _clean(self, clip: str) -> np.ndarray:
        """Return the embedding of a clean voice, (D,), which is kept."""
        if clip not in self._embedded:
            self._embedded[clip] = self._speaker.embed(self._references.wave(clip))
        return self._embedded[clip]

    def clean_embeddings(self) -> Iterator[dict[str, Any]]:
        """Yield rows of embeddings.parquet: the clean clips of the target singers and of all that were converted."""
        voices = self._references.voices
        converted = (voices.clips[clip].singer for _, clip, _ in self._made.rows if clip in voices.clips)
        targets = (self._made.text("target", key) or voices.target for key in self._made.rows)
        for singer in sorted({*converted, *targets}):
            for clip in self._clips_of(singer):
                labels = {"clip": clip, "condition": "clean", "singer": singer, "split": voices.clips[clip].split}
                yield {"kind": "voice", **labels, "embedding": self._clean(clip).tolist()}

    def _words(self, wave: np.ndarray, key: tuple[str, str, str], source: "_Source") -> dict[str, Any]:
        """Return the errors of the recogniser on a converted voice, and on its source where the words are known."""
        found, true, text, name = _NOTHING, _NOTHING, "", ""
        if self._recogniser is not None and key[2] in self._judges.recognised:
            name, words = self._recogniser.name, self._judges.words.get(key[1])
            heard = self._recogniser.transcribe(wave)
            of_source = self._heard_of(source)
            text = "words" if words is not None else "source"
            found = word_errors(words if words is not None else of_source, heard)
            true = word_errors(words, of_source) if words is not None else _NOTHING
        return {
            "word_error": found["words"],
            "character_error": found["characters"],
            "source_word_error": true["words"],
            "source_character_error": true["characters"],
            "text": text,
            "recogniser": name,
        }

    def _heard_of(self, source: "_Source") -> str:
        """Return what the recogniser finds in a source's clean voice; found once for all systems of the clip."""
        if source.text is None:
            assert self._recogniser is not None, "called with a recogniser only"
            source.text = self._recogniser.transcribe(source.wave)
        return source.text


class _Source:
    """The clean voice of a clip and what is known of it.

    Attributes:
        wave: float32, (T,).
        reference: its melody.
        text: what a recogniser found in it; None if it was not asked.
    """

    def __init__(self, references: References, clip: str) -> None:
        self.wave, self.reference = references.wave(clip), references.tracked(clip)
        self.text: str | None = None

    @cached_property
    def energy(self) -> np.ndarray:
        """Natural logarithm of the RMS of each frame, (N,)."""
        return log_energy(self.wave)


def level_in_silences(source: _Source, wave: np.ndarray) -> float:
    """Return the level of a converted voice where the source is silent, relative to the frames voiced in the source.

    Args:
        source: the clean voice; its frames are silent 40 dB below the loudest one, where they are unvoiced.
        wave: the converted voice, float32, (T,).

    Returns:
        The level in dB; NaN with fewer than ten silent or ten voiced frames.
    """
    energy = log_energy(wave)
    count = min(len(energy), len(source.energy), len(source.reference.f0))
    mine, true, sung = energy[:count], source.energy[:count], source.reference.f0[:count] > 0
    silent = ~sung & (true < true.max(initial=-np.inf) - _SILENT / _DECIBELS)
    if min(sung.sum(), silent.sum()) < _LEAST:
        return float("nan")
    quiet, loud = (np.mean(np.exp(2.0 * mine[one])) for one in (silent, sung))
    return float(10 * np.log10(quiet / loud))
