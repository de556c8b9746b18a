"""Listening tests of synthesised notes: which notes are played, and what the tables say beside the ratings.

SING's paper has two: mean opinion scores of 100 test notes (recording, WaveNet, SING), and which of two systems is
closer to the recording, which it calls ABX.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data.files.audio import to_float
from data.shards.reader import Shards
from eval.listening.design import Item
from eval.listening.items import chosen
from eval.listening.kinds import RECORDING
from eval.listening.tables import Subject
from eval.synthesis.note_metrics import METRICS
from eval.synthesis.paper_results import SING_ABX, SING_TABLE_2
from eval.synthesis.tables import HEADINGS, name_of

KINDS = ("mos", "ab")
_SYSTEMS = ("sing", "nearest_pitch", "wavenet")


def listening_items(notes: Path, outputs: Sequence[Path], count: int) -> tuple[list[Item], int]:
    """Return test notes for a listening test, spread over the instruments, by every system that made all of them.

    Notes that the WaveNet rebuilt come first, because there are few of them.

    Args:
        notes: shards of the recordings.
        outputs: shards of the notes that systems made.
        count: number of notes.

    Returns:
        The items, and the sample rate in Hz. The notes of a system that lacks one of them are left out.

    Example:
        >>> items, rate = listening_items(Path("notes"), [Path("sing"), Path("baselines")], 20)
    """
    recorded = Shards(notes)
    names = [str(one) for one in recorded.column("id")]
    places = {names[row]: int(row) for row in recorded.rows(split="test")}
    instruments = recorded.column("instrument_name")
    groups = {note: str(instruments[row]) for note, row in places.items()}
    made: dict[str, dict[str, tuple[Shards, int]]] = {one: {} for one in _SYSTEMS}
    for shards in map(Shards, outputs):
        for row, (system, note) in enumerate(zip(shards.column("system"), shards.column("note"), strict=True)):
            if system in made and note in places:
                made[system][str(note)] = (shards, row)
    rebuilt = {note: groups[note] for note in made["wavenet"]}
    first = chosen(rebuilt, count)
    played = first + chosen({note: groups[note] for note in set(made["sing"]) - set(first)}, count - len(first))
    systems = [one for one in _SYSTEMS if all(note in made[one] for note in played)]
    items = []
    for note in played:
        sounds = {RECORDING: _wave(recorded, places[note])}
        sounds |= {system: _wave(*made[system][note]) for system in systems}
        items.append(Item(note, sounds, sounds[RECORDING]))
    return items, round(float(recorded.column("sample_rate")[0]))


def listening_subject(scores: pd.DataFrame, commit: str) -> Subject:
    """Return what the tables of listening tests say beside the ratings.

    Args:
        scores: scores of SING and of the baselines (`eval.synthesis.score.write_scores`).
        commit: commit of the model.
    """
    published = {one.system: one.mos for one in SING_TABLE_2 if one.mos is not None}
    return Subject(
        "synthesis",
        name_of,
        {"mos": published, "ab": {"sing wavenet": (SING_ABX, 0.0)}},
        scores.rename(columns={"note": "item"}),
        tuple(METRICS),
        {"sing": "synthesising", "wavenet": "synthesising", "nearest_pitch": "copying"},
        commit,
        HEADINGS,
    )


def _wave(shards: Shards, row: int) -> np.ndarray:
    return to_float(shards.read(row))
