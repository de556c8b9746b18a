"""Songs at the rate a system works at: vocals and accompaniment of each, and the seconds with singing.

The accompaniment is the mixture minus the vocals, so a song needs no other source. Stereo is kept, or
summed to mono. The index keeps which seconds hold singing, so that training need not look for it.

Shapes: T samples, K channels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.execution import Execution
from data.files.audio import FULL_SCALE, resample, to_float, to_pcm16
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import Labelling, Unit, write_units
from data.shards.writer import Record

PARTS = ("vocals", "accompaniment")
_HEARD = 10 ** (-50 / 20)  # root mean square of a second, of full scale


@dataclass(frozen=True)
class _Song:
    """A song: the shards it is in, rows of its mixture and vocals, and its labels."""

    shards: Shards
    mixture: int
    vocals: int

    def label(self, name: str) -> str:
        """Return a text column of the song's index row."""
        return str(self.shards.column(name)[self.vocals])

    def id(self, part: str) -> str:
        """Return the id of a part: that of the vocals recording with the part behind it."""
        return f"{self.label('id')}-{part}"


def _songs(shards: Shards) -> list[_Song]:
    """Return the songs that have a mixture and vocals, in the order of the index."""
    rows: dict[str, dict[str, int]] = {}
    for row, (track, source) in enumerate(zip(shards.column("track"), shards.column("source"), strict=True)):
        rows.setdefault(track, {})[source] = row
    return [
        _Song(shards, found["mixture"], found["vocals"])
        for found in rows.values()
        if {"mixture", "vocals"} <= set(found)
    ]


def resample_songs(execution: Execution, tracks: Sequence[Path], sample_rate: int, channels: int) -> None:
    """Write vocals and accompaniment of all songs as shards, resampled.

    Killed and called again, it goes on and ends at the same bytes.

    Args:
        execution: the folder of the shards.
        tracks: folders of shards that hold the tracks (`data.musdb.tracks`).
        sample_rate: in Hz, of what is written.
        channels: 2, or 1 for the mean of both.
    """
    todo = [song for one in tracks for song in _songs(Shards(one))]
    by_id = {song.id(part): (song, part) for song in todo for part in PARTS}
    units = [Unit(len(PARTS), partial(_parts, song, sample_rate, channels)) for song in todo]
    progress = Progress("resample songs", total=len(by_id), unit="recordings", listener=execution.listener)
    write_units(execution.folder, units, progress, Labelling(lambda rows: _describe(rows, by_id)))


def _describe(rows: pa.Table, by_id: dict[str, tuple[_Song, str]]) -> pa.Table:
    """Return the rows with track, source, split, errata and the seconds with singing."""
    found = [by_id[one] for one in rows["id"].to_pylist()]
    rows = rows.append_column("source", pa.array([part for _, part in found], pa.string()))
    for name in ("track", "split", "errata"):
        rows = rows.append_column(name, pa.array([song.label(name) for song, _ in found], pa.string()))
    heard = [
        singing(song.shards.read(song.vocals), int(song.shards.column("sample_rate")[song.vocals])) for song, _ in found
    ]
    return rows.append_column("singing", pa.array(heard, pa.list_(pa.bool_())))


def _parts(song: _Song, sample_rate: int, channels: int) -> Iterator[Record]:
    """Yield vocals and accompaniment of a song."""
    mixture, vocals = (to_float(song.shards.read(row)) for row in (song.mixture, song.vocals))
    rate = float(song.shards.column("sample_rate")[song.vocals])
    for part, wave in zip(PARTS, (vocals, mixture - vocals), strict=True):
        folded = wave.mean(1, keepdims=True) if channels == 1 else wave
        yield Record(song.id(part), to_pcm16(resample(folded, rate, sample_rate)), sample_rate, part)


def singing(pcm: np.ndarray, sample_rate: int) -> list[bool]:
    """Return which whole seconds of int16 (T, K) are louder than -50 dB of full scale."""
    count = len(pcm) // sample_rate
    seconds = pcm[: count * sample_rate].reshape(count, -1).astype(np.float64) / FULL_SCALE
    return (np.sqrt(np.square(seconds).mean(1)) > _HEARD).tolist()
