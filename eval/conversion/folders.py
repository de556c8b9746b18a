"""Score converted voices and melodies of any system, given as folders of files.

The reference folder and the estimate folder hold files of the same names (the extension and, for melodies, the kind may
differ), in the same subfolders if there are any; names are compared in Unicode form NFC. A file without a partner is
an error that names it. Hidden files are ignored.

A file is audio of any format (channels are averaged; one that is silent beside another is an error) or, for melodies,
also a table (.csv, .tsv, .txt): time in seconds and pitch in Hz in the first two columns, or in columns named so, with
or without a heading; 0 Hz is unvoiced, a negative pitch is an unvoiced guess. Other columns and text after "#" are
ignored.

Every row of the scores names how the pitch of both files was found: the tracker, or "table".

Shapes: T samples, N frames.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import InputError
from data.files.audio import read_mono, resample
from data.files.listing import sounds_by_name
from data.files.readers import SUFFIXES
from data.files.regular import printable, read_regular
from data.pitch.trackers import JUDGE, RATE, TRACKERS, track
from data.progress import Listener, Progress, ignore
from eval.metrics import mcd, quality, recognition
from eval.metrics.f0 import COUNTS, F0Config, f0_family
from eval.metrics.f0 import METRICS as F0_METRICS
from eval.metrics.melody import PitchTable
from eval.metrics.quality import QualityPredictor
from eval.metrics.recognition import Recogniser, word_errors
from eval.metrics.speaker import SpeakerEncoder, centroid, cosine

SOUNDS = tuple(sorted(SUFFIXES))
TABLES = (".csv", ".tsv", ".txt")
SPEAKER_METRICS = {
    "speaker_source": "cosine between the speaker embeddings of estimate and reference",
    "speaker_target": "cosine between the speaker embedding of the estimate and the mean one of the target singer",
    "nearer": "1 if the estimate is nearer to the target than to the reference, else 0",
}
MELODY_METRICS = F0_METRICS
CONVERSION_METRICS = {**F0_METRICS, **mcd.METRICS, **SPEAKER_METRICS, **recognition.METRICS, **quality.METRICS}
_LARGEST_TABLE = 64 << 20  # bytes
_TIME, _HERTZ = ("time", "times", "seconds", "t"), ("hz", "hertz", "f0", "frequency", "pitch")


@dataclass(frozen=True)
class Scoring:
    """How folders are scored.

    Attributes:
        tracker: pitch tracker for audio files (`data.pitch.trackers`).
        f0: alignment and limits of the F0 family.
        speaker: speaker encoder; None leaves the similarities out.
        target: folder of recordings of the target singer, for the similarity to the target; needs `speaker`.
        recogniser: recogniser of the words; None leaves the error rates out.
        quality: predictor of the speech quality; None leaves it out.
    """

    tracker: str = JUDGE
    f0: F0Config = field(default_factory=F0Config)
    speaker: SpeakerEncoder | None = None
    target: Path | None = None
    recogniser: Recogniser | None = None
    quality: QualityPredictor | None = None

    def __post_init__(self) -> None:
        """Raise `InputError` if the tracker is unknown, or a target is given without a speaker encoder."""
        if self.tracker not in TRACKERS:
            raise InputError(f'tracker "{self.tracker}" is unknown; choose one of {", ".join(TRACKERS)}')
        if self.target is not None and self.speaker is None:
            raise InputError(f"{self.target}: recordings of the target need a speaker encoder; choose one")


def score_melodies(
    reference: Path, estimate: Path, scoring: Scoring | None = None, listener: Listener = ignore
) -> pd.DataFrame:
    """Score melodies, given as audio or as tables, against references of the same names.

    Args:
        reference: folder of the references.
        estimate: folder of the estimates.
        scoring: tracker and alignment; `Scoring()` by default.
        listener: receives progress reports, counted in files.

    Returns:
        One row for each file, sorted by name. Columns: item, reference_pitch and estimate_pitch (how the pitch was
        found), alignment, the F0 family and its counts (`eval.metrics.f0`).

    Raises:
        InputError: a file has no partner, is damaged, or is not a table of pitch; the message names it.

    Example:
        >>> score_melodies(Path("truth"), Path("found"))[["item", "rpa"]]
    """
    scoring = scoring or Scoring()
    rows = []
    for name, true, made in _steps(pair(reference, estimate, SOUNDS + TABLES), listener):
        tables = [_melody(path, scoring.tracker) for path in (true, made)]
        rows.append(_f0_row(name, tables, [_source(one, scoring.tracker) for one in (true, made)], scoring))
    return pd.DataFrame(rows)


def score_conversions(
    reference: Path, estimate: Path, scoring: Scoring | None = None, listener: Listener = ignore
) -> pd.DataFrame:
    """Score converted voices against the clean source voices of the same names.

    Args:
        reference: folder of the source voices.
        estimate: folder of the converted voices.
        scoring: tracker, alignment, and optional judges; `Scoring()` by default.
        listener: receives progress reports, counted in files.

    Returns:
        One row for each file, sorted by name: the columns of `score_melodies`, the distances of `eval.metrics.mcd`, and
        where the judges are given `SPEAKER_METRICS` with the column speaker_encoder, the error rates of
        `eval.metrics.recognition` with the column recogniser, and the speech_quality of the estimate with the column
        quality_predictor. The words in the reference are those that the recogniser hears in it.

    Raises:
        InputError: a file has no partner or is damaged; the message names it.

    Example:
        >>> scores = score_conversions(Path("sources"), Path("converted"))
        >>> scores["f0_corr"].mean()
    """
    scoring = scoring or Scoring()
    target = None
    if scoring.speaker is not None and scoring.target is not None:
        sounds = sounds_by_name(scoring.target, SOUNDS, deep=True)
        target = centroid(np.stack([scoring.speaker.embed(read_voice(path)) for path in sounds.values()]))
    rows = []
    for name, true, made in _steps(pair(reference, estimate, SOUNDS), listener):
        voices = read_voice(true), read_voice(made)
        tables = [PitchTable.regular(track(scoring.tracker, voice, guesses=True)[0]) for voice in voices]
        row = _f0_row(name, tables, [scoring.tracker] * 2, scoring)
        row |= mcd.timbre_distances(*voices)
        row |= _speaker_row(voices, scoring, target) | _words_row(voices, scoring)
        if scoring.quality is not None:
            row |= {"quality_predictor": scoring.quality.name, "speech_quality": scoring.quality.predict(voices[1])}
        rows.append(row)
    return pd.DataFrame(rows)


def pair(reference: Path, estimate: Path, suffixes: tuple[str, ...]) -> list[tuple[str, Path, Path]]:
    """Return the name, the reference file and the estimate file of every item, sorted by name.

    Raises:
        InputError: a folder is missing or has no files of these kinds, or a file has no partner.
    """
    true, made = (sounds_by_name(folder, suffixes, deep=True) for folder in (reference, estimate))
    for here, there, folder in ((true, made, estimate), (made, true, reference)):
        if alone := sorted(here.keys() - there.keys()):
            more = f" and {len(alone) - 5} more" if len(alone) > 5 else ""
            raise InputError(
                f"{printable(folder)}: no file for {', '.join(alone[:5])}{more}; add it, or remove its partner"
            )
    return [(name, true[name], made[name]) for name in sorted(true)]


def read_voice(path: Path) -> np.ndarray:
    """Return the sound of a file at 16 kHz with its channels averaged, float32, (T,).

    Raises:
        InputError: the file is damaged, holds no samples, or has a silent channel beside another.
    """
    wave = read_mono(path)
    return np.asarray(resample(wave.samples, wave.sample_rate, RATE), np.float32)


def read_pitch_table(path: Path) -> PitchTable:
    """Read a table of times and pitches (format: module docstring).

    Raises:
        InputError: the file is not text, has fewer than two columns, or holds values that are not a pitch table.
    """
    try:
        text = read_regular(path, _LARGEST_TABLE).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{printable(path)}: not readable as text ({error}); write it as CSV") from error
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    if not lines:
        raise InputError(f"{path}: the pitch table has no rows; give it at least one")
    between = r"[,;\t]" if re.search(r"[,;\t]", lines[0]) else r"\s+"
    rows = [[one.strip().strip('"') for one in re.split(between, line)] for line in lines]
    heading = [] if _number(rows[0][0]) is not None else [one.casefold() for one in rows[0]]
    columns = [_column(heading, names, number) for number, names in enumerate((_TIME, _HERTZ))]
    values = []
    for number, row in enumerate(rows[1:] if heading else rows, 1):
        found = [_number(row[one]) if one < len(row) else None for one in columns]
        if found[0] is None or found[1] is None:
            raise InputError(f"{path}: row {number} ({' '.join(row):.40}) is not a time and a pitch; write two numbers")
        values.append(found)
    try:
        return PitchTable(*np.array(values, np.float64).reshape(-1, 2).T)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _column(heading: list[str], names: tuple[str, ...], otherwise: int) -> int:
    """Return the number of the column whose heading is or begins with one of some names."""
    for number, text in enumerate(heading):
        if re.split(r"[^a-z0-9]", text)[0] in names:
            return number
    return otherwise


def _number(text: str) -> float | None:
    """Return the number in a text, None if it is none."""
    try:
        return float(text)
    except ValueError:
        return None


def _steps(pairs: list[tuple[str, Path, Path]], listener: Listener) -> Iterator[tuple[str, Path, Path]]:
    """Yield the pairs one by one and report progress."""
    progress = Progress("judge files", total=len(pairs), unit="files", listener=listener)
    for one in pairs:
        yield one
        progress.advance()
    progress.finish()


def _source(path: Path, tracker: str) -> str:
    """Return how the pitch of a file is found."""
    return "table" if path.suffix.lower() in TABLES else tracker


def _melody(path: Path, tracker: str) -> PitchTable:
    """Return the pitch table of a file; audio is tracked."""
    if path.suffix.lower() in TABLES:
        return read_pitch_table(path)
    return PitchTable.regular(track(tracker, read_voice(path), guesses=True)[0])


def _f0_row(name: str, tables: list[PitchTable], sources: list[str], scoring: Scoring) -> dict[str, object]:
    """Return the first columns of a row: the item, how its pitch was found, and the F0 family."""
    found = f0_family(tables[0], tables[1], scoring.f0)
    values = {one: found[one] for one in (*F0_METRICS, *COUNTS)}
    how = {"reference_pitch": sources[0], "estimate_pitch": sources[1], "alignment": scoring.f0.alignment}
    return {"item": name, **how, **values}


def _speaker_row(
    voices: tuple[np.ndarray, np.ndarray], scoring: Scoring, target: np.ndarray | None
) -> dict[str, object]:
    """Return the similarities to source and target; nothing without a speaker encoder."""
    if scoring.speaker is None:
        return {}
    source, made = (scoring.speaker.embed(voice) for voice in voices)
    row: dict[str, object] = {"speaker_encoder": scoring.speaker.name, "speaker_source": cosine(source, made)}
    if target is not None:
        near = cosine(target, made), cosine(source, made)
        row["speaker_target"] = near[0]
        row["nearer"] = float(near[0] > near[1]) if np.isfinite(near).all() else float("nan")
    return row


def _words_row(voices: tuple[np.ndarray, np.ndarray], scoring: Scoring) -> dict[str, object]:
    """Return the error rates of the words; nothing without a recogniser."""
    if scoring.recogniser is None:
        return {}
    errors = word_errors(*(scoring.recogniser.transcribe(voice) for voice in voices))
    return {"recogniser": scoring.recogniser.name, **errors}
