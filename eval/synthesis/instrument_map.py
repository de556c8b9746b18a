"""Section of the synthesis report on the map of instruments, which is played like an instrument."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from data.files.audio import to_float
from data.files.durable import read_json
from data.files.tables import read_frame
from data.shards.reader import Shards
from eval.report.document import Block
from eval.report.excerpts import sketch
from eval.report.maps import Map, Point, Sound
from eval.synthesis.tables import name_of, values_table

_PITCHES, _RECORDED = 5, 2  # of an instrument: pitches that SING plays, and recordings


def instrument_blocks(instruments: Path, sweeps: Path, notes: Path) -> list[Block]:
    """Return the map of instruments, on which a click plays SING at a chosen pitch, and the table of its numbers.

    Args:
        instruments: folder with map.parquet and map.json (`eval.synthesis.instruments.write_map`).
        sweeps: shards of the synthesised sweeps (`models.synthesis.sweeps`).
        notes: shards of the recorded notes.
    """
    frame, made, recorded = read_frame(instruments / "map.parquet"), Shards(sweeps), Shards(notes)
    swept = [*made.rows(kind="grid").tolist(), *made.rows(kind="map").tolist()]
    sung, heard = _by_instrument(made, swept), _by_instrument(recorded, recorded.rows(split="train").tolist())
    points = []
    for one in frame.to_dict("records"):
        instrument, sounds = int(one["instrument"]), []
        if instrument in sung:  # of an instrument that SING does not play there is nothing to compare with
            sounds = _sounds(name_of("sing"), made, sung[instrument], _PITCHES)
            sounds += _sounds("Recording", recorded, heard[instrument], _RECORDED)
        points.append(Point(one["x"], one["y"], str(one["instrument_name"]), str(one["family"]), sounds))
    note = (
        "t-SNE of the embeddings that SING learnt. A click, or Enter, plays an instrument at the pitch that is nearest "
        "to the chosen one; the arrows up and down change the pitch. Neighbours on the map are neighbours in the table "
        "as far as trustworthiness says; distances between groups and their sizes mean nothing."
    )
    meaning = (
        "Purity: share of an instrument's nearest neighbours, in the table itself and not on the map, that have its "
        "family or source."
    )
    return [
        Map("Which instruments are alike to SING, and how does it play them?", points, note),
        values_table("Beside the map", read_json(instruments / "map.json"), meaning),
    ]


def _by_instrument(shards: Shards, rows: list[int]) -> dict[int, dict[int, int]]:
    """Return a row of each pitch of each instrument."""
    found: dict[int, dict[int, int]] = defaultdict(dict)
    for row in rows:
        found[int(shards.column("instrument")[row])].setdefault(int(shards.column("pitch")[row]), row)
    return found


def _sounds(voice: str, shards: Shards, rows: dict[int, int], most: int) -> list[Sound]:
    """Return sounds of an instrument at a few pitches, spread evenly over those that there are."""
    pitches = sorted(rows)
    places = np.unique(np.linspace(0, len(pitches) - 1, min(most, len(pitches))).round().astype(int))
    found = []
    for pitch in (pitches[one] for one in places):
        wave = to_float(shards.read(rows[pitch])[:, 0])
        found.append(sketch(voice, wave, round(float(shards.column("sample_rate")[rows[pitch]])), pitch=pitch))
    return found
