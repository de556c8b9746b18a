"""Writes the vocals that each system estimates for the test songs, as shards with one record per (system, song).

Reference points are written in the same way as the systems (the discriminative network, latent diffusion): the
mixture itself, ideal masks, and the codec's ceiling, which is the true vocals encoded and decoded.

Sound is float, full scale [-1, 1], unless said otherwise.
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
from models.separation.separate import Mixture, Separator

# Takes the mixture and the true vocals, both (T, K) float32, and the sample rate in Hz; returns vocals (T, K).
System = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Song:
    """A song in the shards.

    Attributes:
        track: name of the song.
        vocals: index row of its vocals.
        accompaniment: index row of its accompaniment.
    """

    track: str
    vocals: int
    accompaniment: int


def songs_of(shards: Shards, split: str) -> list[Song]:
    """Return the songs of a split, sorted by name.

    Raises:
        InputError: the split has no song, or a song has no accompaniment.
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
    """Return the systems that need no training, by name: "mixture", which returns its input, and the ideal masks."""
    systems: dict[str, System] = {"mixture": lambda mixture, vocals, rate: mixture}
    for name in ORACLES:
        systems[name] = lambda mixture, vocals, rate, name=name: oracle(name, mixture, vocals, rate)
    return systems


def separating(separator: Separator, *, hears_vocals: bool = False) -> System:
    """Return a separator as a system for `write_estimates`.

    If the separator works at another sample rate than the song, its input is resampled to that rate, and its vocals
    are resampled back.

    Args:
        separator: the separator.
        hears_vocals: give it the true vocals instead of the mixture, as for the codec's ceiling.

    Example:
        >>> system = separating(trained_mask_network(Path("mask_network"), torch.device("cpu")))
        >>> vocals = system(mixture, true_vocals, 16_000)
    """

    def system(mixture: np.ndarray, vocals: np.ndarray, rate: int) -> np.ndarray:
        signal = vocals if hears_vocals else mixture
        if rate != separator.sample_rate:
            signal = resample(signal, rate, separator.sample_rate)
        found = np.concatenate(list(separator.separate(Mixture.of(signal))))
        if rate != separator.sample_rate:
            found = resample(found, separator.sample_rate, rate)[: len(mixture)]
            found = np.pad(found, ((0, len(mixture) - len(found)), (0, 0)))  # rounding can lose a sample
        return found

    return system


def write_estimates(
    execution: Execution, songs: Path, systems: Mapping[str, System], split: str = "test"
) -> dict[str, int]:
    """Write the vocals that each system estimates for each song of a split, as shards of 16-bit sound.

    If it was stopped, calling it again resumes. An estimate with NaN or infinite samples goes to the quarantine
    table and gets no score. An estimate beyond full scale is clipped and has the flag "clipped". The index has the
    columns "system" and "track"; in the quarantine table, "part" is the name of the system.

    Args:
        execution: the folder for the shards, and the listener that receives progress reports.
        songs: folder of shards with vocals and accompaniment of the songs (`data.musdb.vocals`).
        systems: systems by name; a name is an id (`data.files.names`) of at most 26 characters.
        split: split of the songs, such as "test".

    Returns:
        The number of "songs" and of "systems".

    Raises:
        InputError: the split has no song, or a song has no accompaniment.
        ValueError: there are no systems, a name is not an id, or an estimate has another shape than the song.

    Example:
        >>> write_estimates(Execution(Path("estimates")), Path("songs"), bounds())
        {'songs': 50, 'systems': 4}
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
    """Yield the vocals that a system estimates for a song, or their rejection."""
    vocals, rest = (to_float(shards.read(row)) for row in (song.vocals, song.accompaniment))
    rate = int(shards.column("sample_rate")[song.vocals])
    found = system(vocals + rest, vocals, rate)
    if found.shape != vocals.shape:
        raise ValueError(f"{name} made {found.shape} of {song.track}, which is {vocals.shape}")
    if not np.isfinite(found).all():
        yield Rejection(_id(song, name), "NaN or infinite samples", name)
    else:
        yield Record(_id(song, name), to_pcm16(found), rate, name, ["clipped"] if np.abs(found).max() > 1 else [])
