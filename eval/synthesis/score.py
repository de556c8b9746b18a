"""Scores of collections of notes, from shards or from folders of sound files.

`write_scores` scores shards of the pipeline. `score_folders` scores any sound files of a user.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import InputError
from data.execution import Execution
from data.files.audio import read_mono, to_float
from data.files.listing import sounds_by_name
from data.files.readers import SUFFIXES
from data.files.regular import printable
from data.files.tables import read_frame, read_table, write_frame
from data.processes import Reopened
from data.progress import Listener, Progress, ignore
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from eval.parts import clear_parts, evaluate_in_parts
from eval.synthesis.note_metrics import METRICS, Reference, score_note

_BATCH = 32  # number of notes in a part
LABELS = ("instrument", "instrument_name", "family", "source", "pitch", "velocity", "split")


def write_scores(execution: Execution, notes: Path, estimates: Path) -> dict[str, int]:
    """Score all estimates of all systems against their recordings and write scores.parquet.

    scores.parquet has one row for each (system, note). Columns: system, note, the labels of the note (`LABELS`), one
    column for each metric (`eval.synthesis.note_metrics.METRICS`), and reason. If a system made no valid estimate of a
    note, `reason` says why and the metrics are NaN; otherwise `reason` is None.

    Scores are saved in parts of 32 notes. If the function is interrupted and called again, it resumes after them.

    Args:
        execution: its folder receives scores.parquet; its listener receives progress reports.
        notes: shards of the recordings.
        estimates: shards of the estimates, whose records have the labels system and note.

    Returns:
        Number of estimates that were "scored" and "not scored".

    Example:
        >>> write_scores(Execution(Path("scores")), notes, estimates)
        >>> scores = read_frame(Path("scores/scores.parquet"))
    """
    path = execution.folder / "scores.parquet"
    if not path.is_file():
        evaluation = _Evaluation(notes, estimates)
        batches = evaluation.batches()
        progress = Progress("score", total=len(batches), unit=f"batches of {_BATCH} notes", listener=execution.listener)
        found = evaluate_in_parts(execution, ("scores",), batches, evaluation.score, progress)
        some = [one for one in (found["scores"], evaluation.missing()) if len(one)]
        write_frame(path, pd.concat(some, ignore_index=True))
    clear_parts(execution)
    reasons = read_frame(path, ["reason"])["reason"]
    return {"scored": int(reasons.isna().sum()), "not scored": int(reasons.notna().sum())}


class _Evaluation(Reopened):
    """Scores the estimates of recordings, both read from shards."""

    def __init__(self, notes: Path, estimates: Path) -> None:
        self._recorded, self._made, self._estimates = Shards(notes), Shards(estimates), estimates
        self._rows = {one: row for row, one in enumerate(self._recorded.column("id"))}
        self._labels = self._recorded.table.select(LABELS).to_pandas()
        self._by_note: dict[str, list[tuple[str, int]]] = {}
        made = zip(self._made.column("system"), self._made.column("note"), strict=True)
        for row, (system, note) in enumerate(made):
            self._by_note.setdefault(note, []).append((system, row))

    def batches(self) -> list[list[str]]:
        """Return the ids of the notes that have estimates, in lists of at most 32."""
        notes = list(self._by_note)
        return [notes[start : start + _BATCH] for start in range(0, len(notes), _BATCH)]

    def score(self, notes: Sequence[str]) -> dict[str, pd.DataFrame]:
        """Return the scores of all estimates of the notes: the table "scores", with one row for each estimate."""
        return {"scores": pd.DataFrame([row for note in notes for row in self._score_note(note)])}

    def _score_note(self, note: str) -> Iterator[dict[str, Any]]:
        """Yield the row of scores of each estimate of one note."""
        place = self._rows[note]
        wave = to_float(self._recorded.read(place)[:, 0])
        pitch, rate = float(self._labels.iloc[place]["pitch"]), int(self._recorded.column("sample_rate")[place])
        reference, described = Reference.of(wave, pitch, rate), self._described(note)
        for system, row in self._by_note[note]:
            scores = score_note(reference, to_float(self._made.read(row)[:, 0]))
            yield {"system": system, **described, **scores, "reason": None}

    def _described(self, note: str) -> dict[str, Any]:
        """Return the columns that describe a note."""
        label = self._labels.iloc[self._rows[note]]
        labels = {str(name): value for name, value in label.items()}
        return {"note": note, **labels}

    def missing(self) -> pd.DataFrame:
        """Return one row, with metrics NaN and a reason, for each estimate that a system could not make."""
        nothing, found = dict.fromkeys(METRICS, float("nan")), []
        for one in read_table(self._estimates / QUARANTINE).to_pylist():
            system, _, note = one["id"].partition("-")
            found.append({"system": system, **self._described(note), **nothing, "reason": one["reason"]})
        return pd.DataFrame(found)


def score_folders(reference: Path, estimate: Path, listener: Listener = ignore) -> pd.DataFrame:
    """Score the sound files in one folder against the files of the same names in another folder.

    Each file holds one note, in any audio format; floating-point files are judged as they are. Channels are averaged;
    one that is silent beside another is an error. Names are compared without their ending, in Unicode form NFC.

    The pitch label is read from names in the form of NSynth (…-060-100.wav has MIDI pitch 60). For other names the
    tracked pitch of the reference is used.

    Args:
        reference: folder of the recordings.
        estimate: folder of the estimates, with the same file names; the endings may differ.
        listener: receives progress reports.

    Returns:
        One row for each file, in the order of names. Columns: note (file name without extension) and the metrics
        (`eval.synthesis.note_metrics.METRICS`).

    Raises:
        InputError: a folder is missing or empty, the file names differ, two files differ in length or sample rate, or a
            file cannot be read or scored; the message names it.

    Example:
        >>> scores = score_folders(Path("recordings"), Path("estimates"))
        >>> scores["spectral"].mean()
    """
    names = [sounds_by_name(folder, SUFFIXES) for folder in (reference, estimate)]
    alone = sorted(names[0].keys() ^ names[1].keys())
    if alone:
        raise InputError(
            f"{printable(reference)} and {printable(estimate)}: {len(alone)} files have no partner of their name "
            f"({', '.join(alone[:3])}); rename or remove them"
        )
    progress = Progress("judge", total=len(names[0]), unit="notes", listener=listener)
    found = []
    for name in sorted(names[0]):
        true, made = (read_mono(paths[name]) for paths in names)
        shapes = [(len(one.samples), one.sample_rate) for one in (true, made)]
        if shapes[0] != shapes[1]:
            raise InputError(f"{name}: (samples, Hz) is {shapes[0]} and {shapes[1]}; both files must have the same")
        try:
            scores = score_note(Reference.of(true.samples, _named_pitch(name), true.sample_rate), made.samples)
        except ValueError as error:
            raise InputError(f"{name}: cannot be judged: {error}") from error
        found.append({"note": name, **scores})
        progress.advance()
    progress.finish()
    return pd.DataFrame(found)


def _named_pitch(name: str) -> float | None:
    """Return the MIDI pitch in a name like bass_synthetic_068-049-025 (here 49), None for other names."""
    parts = name.rsplit("-", 2)
    numeric = len(parts) == 3 and all(len(part) == 3 and part.isdigit() for part in parts[1:])
    return float(parts[1]) if numeric else None
