"""Writes songs made here as shards, for the beginning of a training: there can be as many as one wants.

They are made like the demo songs (`data.embedded.songs`), with a singer of its own in each, and are other songs with
other singers than those. Nothing is downloaded, and no licence applies.

Shapes: T samples, K channels.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from data.embedded.songs import make_song
from data.execution import Execution
from data.files.audio import to_float
from data.musdb.dataset import SAMPLE_RATE
from data.musdb.vocals import PARTS, in_form, singing
from data.progress import Progress
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Record, shard_name

_FIRST = 1_000  # number of the first song and of its singer, above those of the demo songs


def write_training_songs(execution: Execution, count: int, sample_rate: int, channels: int) -> dict[str, int]:
    """Write the vocals and the accompaniment of `count` songs, in the form of `data.musdb.vocals.resample_songs`.

    If it is killed and called again, it resumes and produces the same bytes. All songs have the split "train".

    Args:
        execution: output folder of the shards, and listener.
        count: number of songs; 0 writes an index without songs.
        sample_rate: sample rate of the output in Hz.
        channels: channels of the output: 2, or 1 for the mean of both.

    Returns:
        "songs": the number of songs.

    Example:
        >>> write_training_songs(Execution(Path("embedded")), 100, 16_000, channels=1)
        {'songs': 100}
    """

    def parts(number: int) -> Iterator[Record]:
        sources = make_song(_FIRST + number, singer=_FIRST + number).sources
        mixture, vocals = to_float(sources["mixture"]), to_float(sources["vocals"])
        for part, wave in zip(PARTS, (vocals, mixture - vocals), strict=True):
            yield Record(_id(number, part), in_form(wave, SAMPLE_RATE, (sample_rate, channels)), sample_rate, part)

    def describe(rows: pa.Table) -> pa.Table:
        found = [one.rsplit("-", 1) for one in rows["id"].to_pylist()]
        columns = {"source": [part for _, part in found], "track": [song for song, _ in found]}
        for name, values in {**columns, "split": ["train"] * len(found), "errata": [""] * len(found)}.items():
            rows = rows.append_column(name, pa.array(values, pa.string()))
        seconds = [_singing(execution.folder, row) for row in rows.to_pylist()]
        return rows.append_column("singing", pa.array(seconds, pa.list_(pa.bool_())))

    units = [Unit(len(PARTS), partial(parts, number)) for number in range(count)]
    progress = Progress("make songs", total=count * len(PARTS), unit="recordings", listener=execution.listener)
    write_units(execution.folder, units, progress, Labelling(describe), SMALL_SHARD_BYTES)
    return {"songs": count}


def _id(number: int, part: str) -> str:
    """Return the id of a part of a song."""
    return f"embedded_{number:05d}-{part}"


def _singing(folder: Path, row: dict[str, Any]) -> list[bool]:
    """Return for each second of a recording of vocals whether there is singing; of an accompaniment, nothing.

    Args:
        folder: folder of the shards.
        row: row of the index.
    """
    if row["source"] != PARTS[0]:
        return []
    with open(folder / shard_name(row["shard"]), "rb") as file:
        file.seek(row["offset"])
        pcm = np.frombuffer(file.read(row["nbytes"]), row["dtype"]).reshape(row["frames"], -1)
    return singing(pcm, int(row["sample_rate"]))
