"""What every system makes of the test songs, in shards: vocals, one record a (system, song).

Bounds and baselines take the same path as the systems: the mixture itself, the codec's ceiling (decoded
encoded true vocals), ideal masks, the discriminative network, latent diffusion.

Shapes: T samples, K channels.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.errors import InputError
from data.execution import Execution
from data.files.audio import resample, to_float, to_pcm16
from data.files.names import check_id, make_id
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Item, Record, Rejection
from models.separation.oracles import ORACLES, oracle
from models.separation.separate import Separator

# Given mixture and true vocals, (T, K) float32 both, and the sample rate; returns vocals (T, K).
System = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Song:
    """A song at the working rate: its name and the rows of its parts."""

    track: str
    vocals: int
    accompaniment: int


def songs_of(shards: Shards, split: str) -> list[Song]:
    """Return the songs of a split, sorted by name.

    Raises:
        InputError: there is none, or one has no accompaniment.
    """
    rows = {
        source: {str(shards.column("track")[row]): int(row) for row in shards.rows(split=split, source=source)}
        for source in ("vocals", "accompaniment")
    }
    if not rows["vocals"]:
        splits = ", ".join(sorted(set(shards.column("split").tolist())))
        raise InputError(f"{shards.folder}: no song of the split {split!r}; there are {splits}")
    if alone := sorted(rows["vocals"].keys() - rows["accompaniment"].keys()):
        raise InputError(f"{shards.folder}: no accompaniment of {alone[0]}; make these shards again")
    return [Song(name, row, rows["accompaniment"][name]) for name, row in sorted(rows["vocals"].items())]


def bounds() -> dict[str, System]:
    """Return the systems that need no training: the mixture, and ideal masks."""
    systems: dict[str, System] = {"mixture": lambda mixture, vocals, rate: mixture}
    for name in ORACLES:
        systems[name] = lambda mixture, vocals, rate, name=name: oracle(name, mixture, vocals, rate)
    return systems


def separating(separator: Separator, *, hears_vocals: bool = False) -> System:
    """Return a separator as a system; with `hears_vocals` it is given the true vocals (the codec's ceiling).

    A separator that works at another rate hears the song resampled, and its vocals are resampled back.
    """

    def system(mixture: np.ndarray, vocals: np.ndarray, rate: int) -> np.ndarray:
        heard = vocals if hears_vocals else mixture
        if rate != separator.sample_rate:
            heard = resample(heard, rate, separator.sample_rate)
        pieces = separator.separate(lambda start, stop: heard[start:stop], len(heard), heard.shape[1])
        found = np.concatenate(list(pieces))
        if rate != separator.sample_rate:
            found = resample(found, separator.sample_rate, rate)[: len(mixture)]
            found = np.pad(found, ((0, len(mixture) - len(found)), (0, 0)))  # rounding may take a sample
        return found

    return system


def write_estimates(
    execution: Execution, songs: Path, systems: Mapping[str, System], split: str = "test"
) -> dict[str, int]:
    """Write what every system makes of every song of a split, as shards; stopped and called again, it goes on.

    A result that is not finite is a row of the quarantine table: no error becomes a score. One beyond full scale is
    clipped, and has the flag "clipped". The part of a recording, or of a quarantined row, is the system.

    Args:
        execution: the folder of the shards.
        songs: shards of songs.
        systems: by name; names are ids (`data.files.names`) of at most 26 characters.
        split: of the songs.

    Returns:
        How many "songs" and "systems" there are.

    Raises:
        InputError: no song of the split.
        ValueError: no systems, a name that is no id, or a system made sound of another shape.
    """
    if not systems:
        raise ValueError("no systems")
    shards = Shards(songs)
    todo = [(song, name) for song in songs_of(shards, split) for name in systems]
    labels = {check_id(_id(song, name)): (name, song.track) for song, name in todo}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        rows = rows.append_column("system", pa.array([name for name, _ in found], pa.string()))
        return rows.append_column("track", pa.array([track for _, track in found], pa.string()))

    units = [Unit(1, partial(_made, shards, song, name, systems[name])) for song, name in todo]
    progress = Progress("separate songs", total=len(todo), unit="songs", listener=execution.listener)
    write_units(execution.folder, units, progress, Labelling(annotate), SMALL_SHARD_BYTES)
    return {"songs": len(todo) // len(systems), "systems": len(systems)}


def _id(song: Song, system: str) -> str:
    return f"{system}-{make_id(song.track)}"


def _made(shards: Shards, song: Song, name: str, system: System) -> Iterator[Item]:
    """Yield what a system makes of a song."""
    vocals, rest = (to_float(shards.read(row)) for row in (song.vocals, song.accompaniment))
    rate = int(shards.column("sample_rate")[song.vocals])
    found = system(vocals + rest, vocals, rate)
    if found.shape != vocals.shape:
        raise ValueError(f"{name} made {found.shape} of {song.track}, which is {vocals.shape}")
    if not np.isfinite(found).all():
        yield Rejection(_id(song, name), "NaN or infinite samples", name)
    else:
        yield Record(_id(song, name), to_pcm16(found), rate, name, ["clipped"] if np.abs(found).max() > 1 else [])
