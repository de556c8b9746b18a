"""Whole collections of notes, judged note by note into one tidy frame.

The only module here that reads sound: from shards for the assets, from folders for anybody.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import InputError
from data.files.audio import read, to_float
from data.files.durable import replacing_path
from data.files.tables import read_table
from data.progress import Listener, Progress, ignore
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from eval.synthesis.note_metrics import METRICS, Reference, score_note

LABELS = ("instrument", "instrument_name", "family", "source", "pitch", "velocity", "split")


def score_outputs(notes: Path, outputs: Path, listener: Listener = ignore) -> pd.DataFrame:
    """Judge every output of every system against its recording.

    Args:
        notes: shards of the recordings.
        outputs: shards whose records carry the labels system and note.
        listener: is told notes, rate and time left.

    Returns:
        A row a (system, note): system, note, pair, the labels, a column a metric, and `reason`
        where a system made nothing that can be judged (its metrics are NaN).
    """
    recorded, made = Shards(notes), Shards(outputs)
    rows = {one: row for row, one in enumerate(recorded.column("id"))}
    labels = recorded.table.select(LABELS).to_pandas()
    by_note: dict[str, list[tuple[str, int]]] = {}
    for row, (system, note) in enumerate(zip(made.column("system"), made.column("note"), strict=True)):
        by_note.setdefault(note, []).append((system, row))
    progress = Progress("judge", total=len(by_note), unit="notes", listener=listener)

    def judged(note: str) -> list[dict[str, Any]]:
        label = labels.iloc[rows[note]]
        wave = to_float(recorded.read(rows[note])[:, 0])
        reference = Reference.of(wave, float(label["pitch"]), int(recorded.column("sample_rate")[rows[note]]))
        described = _described(note, label)
        return [
            {"system": system, **described, **score_note(reference, to_float(made.read(row)[:, 0])), "reason": None}
            for system, row in by_note[note]
        ]

    found: list[dict[str, Any]] = []
    with ThreadPoolExecutor(2) as pool:
        for several in pool.map(judged, by_note):
            found += several
            progress.advance()
    for system, note, reason in _missing(outputs):
        nothing = dict.fromkeys(METRICS, float("nan"))
        found.append({"system": system, **_described(note, labels.iloc[rows[note]]), **nothing, "reason": reason})
    progress.finish()
    return pd.DataFrame(found)


def _described(note: str, label: pd.Series) -> dict[str, Any]:
    """Return the label columns of one note; `pair` tells velocities of one pitch belong together."""
    labels = {str(name): value for name, value in label.items()}
    return {"note": note, "pair": f"{label['instrument']}-{label['pitch']}", **labels}


def _missing(outputs: Path) -> Iterator[tuple[str, str, str]]:
    """Yield system, note and reason of what was not made."""
    for one in read_table(outputs / QUARANTINE).to_pylist():
        system, _, note = one["id"].partition("-")
        yield system, note, one["reason"]


def score_folders(reference: Path, estimate: Path, listener: Listener = ignore) -> pd.DataFrame:
    """Judge WAV files in folder `estimate` against those of the same name in `reference`.

    The pitch is read from names like NSynth's (…-060-100.wav); from others the recording's own.

    Returns:
        A row a file, columns note and the metrics.

    Raises:
        InputError: names that differ, or a file that cannot be judged; the message names it.
    """
    names = [{path.name: path for path in _sounds(folder)} for folder in (reference, estimate)]
    alone = sorted(names[0].keys() ^ names[1].keys())
    if alone:
        raise InputError(
            f"{reference} and {estimate}: {len(alone)} files have no partner of their name ({', '.join(alone[:3])}); "
            "rename or remove them"
        )
    progress = Progress("judge", total=len(names[0]), unit="notes", listener=listener)
    found = []
    for name in sorted(names[0]):
        true, made = (read(paths[name]) for paths in names)
        shapes = [(len(one.samples), one.sample_rate) for one in (true, made)]
        if shapes[0] != shapes[1]:
            raise InputError(f"{name}: (samples, Hz) is {shapes[0]} and {shapes[1]}; both files must have the same")
        waves = [to_float(one.samples).mean(1) for one in (true, made)]
        try:
            scores = score_note(Reference.of(waves[0], _named_pitch(name), true.sample_rate), waves[1])
        except ValueError as error:
            raise InputError(f"{name}: cannot be judged: {error}") from error
        found.append({"note": Path(name).stem, **scores})
        progress.advance()
    progress.finish()
    return pd.DataFrame(found)


def _sounds(folder: Path) -> list[Path]:
    """Return the sound files of a folder.

    Raises:
        InputError: no such folder, or none inside.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".wav", ".flac"))
    if not found:
        raise InputError(f"{folder}: no .wav or .flac files inside")
    return found


def _named_pitch(name: str) -> float | None:
    """Return the MIDI pitch in a name like bass_synthetic_068-049-025.wav, or None."""
    parts = Path(name).stem.rsplit("-", 2)
    numeric = len(parts) == 3 and all(len(part) == 3 and part.isdigit() for part in parts[1:])
    return float(parts[1]) if numeric else None


def write_scores(folder: Path, notes: Path, outputs: Path, listener: Listener = ignore) -> dict[str, int]:
    """Judge outputs into `folder`/scores.parquet; return how many there are and how many could not be judged."""
    scores = score_outputs(notes, outputs, listener)
    with replacing_path(folder / "scores.parquet") as partial:
        scores.to_parquet(partial)
    return {"judged": int(scores["reason"].isna().sum()), "not judged": int(scores["reason"].notna().sum())}
