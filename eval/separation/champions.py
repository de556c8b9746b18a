"""Which separation system is in use, and why: the contestants on the validation songs, and the champions so far."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from eval.intervals import mean_interval
from eval.report.blocks import Table, Text
from eval.report.document import Block
from eval.report.front import NO_CHAMPION
from eval.report.numbers import number, with_interval
from eval.separation.promotion import VALID
from eval.separation.tables import by_track, digits_of, heading, name_of, systems_of

_SHOWN = ("uSDR", "SI-SDR", "specific loudness error")


def champion_told(champions: Sequence[Mapping[str, Any]]) -> str:
    """Return which system is in use, one sentence.

    Args:
        champions: one entry for each champion so far, oldest first: "model" (the system and the fingerprints of its
            networks, joined by "-"), "commit" and "criteria".

    Example:
        >>> champion_told([{"model": "masks-0123", "commit": "abc", "criteria": {}}])
        'In use is the discriminative network (commit abc), the first champion.'
    """
    if not champions:
        return NO_CHAMPION
    last = champions[-1]
    name = name_of(str(last["model"]).partition("-")[0]).lower()
    gain = last["criteria"].get("better_than_champion")
    if len(champions) < 2:
        return f"In use is the {name} (commit {last['commit']}), the first champion."
    if gain is None:
        return f"In use is the {name} (commit {last['commit']}); it cannot be compared with the champion before it."
    above = number(gain, digits=2, signed=True)
    return f"In use is the {name} (commit {last['commit']}), {above} dB above the champion before it."


def champion_blocks(validation: pd.DataFrame, champions: Sequence[Mapping[str, Any]]) -> Iterator[Block]:
    """Yield the table of the contestants on the validation songs, and that of the champions so far.

    Args:
        validation: rows of scores.parquet of the validation songs; may be empty.
        champions: as in `champion_told`.
    """
    yield Text(champion_told(champions))
    songs = by_track(validation, split=VALID) if len(validation) else validation
    if len(songs):
        rows = []
        for system in systems_of(songs):
            part = songs[songs["system"] == system]
            found = [(metric, mean_interval(part[metric].to_numpy(float))) for metric in _SHOWN if metric in part]
            cells = [with_interval(one.mean, one.low, one.high, digits=digits_of(metric)) for metric, one in found]
            rows.append([name_of(system), *cells])
        yield Table(
            "The choice: contestants on the validation songs",
            ["System", *(heading(one) for one in _SHOWN if one in songs)],
            rows,
            note="Mean over the validation songs [95 %, bootstrap of songs]. Test songs play no part in the choice.",
        )
    if champions:
        cells = [
            [str(place), name_of(str(one["model"]).partition("-")[0]), one["commit"]]
            for place, one in enumerate(champions, 1)
        ]
        yield Table("Champions so far", ["Number", "System", "Commit"], cells, words=3)
