"""Writes resampled songs as shards: vocals and accompaniment, and which seconds contain singing.

The accompaniment is the mixture minus the vocals, so no other source of a song is needed. Stereo is kept or averaged to
mono. The index says which seconds contain singing, so that training need not search for it.

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
_HEARD = 10 ** (-50 / 20)  # RMS of a second, relative to full scale, above which it counts as singing


@dataclass(frozen=True)
class _Song:
    """A song: the shards it is in, and the index rows of its mixture and vocals."""

    shards: Shards
    mixture: int
    vocals: int

    def label(self, name: str) -> str:
        """Return a text column of the index row of the song's vocals."""
        return str(self.shards.column(name)[self.vocals])

    @property
    def rate(self) -> int:
        """Sample rate of the stored song in Hz."""
        return int(self.shards.column("sample_rate")[self.vocals])

    def id(self, part: str) -> str:
        """Return the id of a part: the id of the vocals recording, followed by the part."""
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
    """Write the vocals and the accompaniment of all songs as shards, resampled.

    If it is killed and called again, it resumes and produces the same bytes. Values beyond full scale are clipped.

    Args:
        execution: output folder of the shards, and listener.
        tracks: folders of shards that contain the tracks (`data.musdb.tracks`).
        sample_rate: sample rate of the output in Hz.
        channels: channels of the output: 2, or 1 for the mean of both.

    Example:
        >>> resample_songs(Execution(Path("songs")), group_folders(Path("tracks")), 24_000, channels=1)
    """
    todo = [song for one in tracks for song in _songs(Shards(one))]
    by_id = {song.id(part): (song, part) for song in todo for part in PARTS}
    sung: dict[str, list[bool]] = {}
    units = [Unit(len(PARTS), partial(_parts, song, (sample_rate, channels), sung)) for song in todo]
    progress = Progress("resample songs", total=len(by_id), unit="recordings", listener=execution.listener)
    write_units(execution.folder, units, progress, Labelling(lambda rows: _describe(rows, by_id, sung)))


def _describe(rows: pa.Table, by_id: dict[str, tuple[_Song, str]], sung: dict[str, list[bool]]) -> pa.Table:
    """Return the index rows with source, track, split, errata and singing (one boolean per second) added.

    Args:
        rows: index rows.
        by_id: song and part by the id of the record.
        sung: seconds with singing by the id of the vocals; vocals that an earlier run resampled are read and added.
    """
    found = [by_id[one] for one in rows["id"].to_pylist()]
    rows = rows.append_column("source", pa.array([part for _, part in found], pa.string()))
    for name in ("track", "split", "errata"):
        rows = rows.append_column(name, pa.array([song.label(name) for song, _ in found], pa.string()))
    for song, _ in found:
        if song.label("id") not in sung:
            sung[song.label("id")] = singing(song.shards.read(song.vocals), song.rate)
    seconds = [sung[song.label("id")] for song, _ in found]
    return rows.append_column("singing", pa.array(seconds, pa.list_(pa.bool_())))


def _parts(song: _Song, form: tuple[int, int], sung: dict[str, list[bool]]) -> Iterator[Record]:
    """Yield the vocals and the accompaniment of a song, in the sample rate and number of channels `form`.

    The seconds with singing are added to `sung`, so that the vocals need not be read again for them.
    """
    stored = song.shards.read(song.vocals)
    sung[song.label("id")] = singing(stored, song.rate)
    mixture, vocals = to_float(song.shards.read(song.mixture)), to_float(stored)
    for part, wave in zip(PARTS, (vocals, mixture - vocals), strict=True):
        yield Record(song.id(part), in_form(wave, song.rate, form), form[0], part)


def in_form(wave: np.ndarray, rate: int, form: tuple[int, int]) -> np.ndarray:
    """Return sound (T, K) float as int16 in the sample rate and number of channels `form`: one is the mean of all."""
    sample_rate, channels = form
    return to_pcm16(resample(wave.mean(1, keepdims=True) if channels == 1 else wave, rate, sample_rate))


def singing(pcm: np.ndarray, sample_rate: int) -> list[bool]:
    """Return, for each whole second of int16 PCM, (T, K), whether its RMS level is above -50 dBFS."""
    count = len(pcm) // sample_rate
    seconds = pcm[: count * sample_rate].reshape(count, -1).astype(np.float64) / FULL_SCALE
    return (np.sqrt(np.square(seconds).mean(1)) > _HEARD).tolist()
