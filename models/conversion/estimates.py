"""Writes what systems make of the evaluation mixtures, as shards: converted voices, and melodies.

A record has the id <system>-<mixture>, shortened if it is too long (`data.files.names.fit_id`); the index tells system,
clip and condition. What a system cannot make becomes a row of the quarantine table, with the name of the system as its
part.

Shapes: T samples, N = 1 + floor(T / 160) melody frames.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_float, to_pcm16
from data.files.names import fit_id
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Item, Record, Rejection
from models.conversion.frames import FRAME_RATE, RATE, melody_frames

_SHIFT = "shift in cents: "  # first flag of a converted voice; flags are stored with each record, so a kill loses none
_TEXTS = ("clip", "condition", "singer", "song", "split")


@dataclass(frozen=True)
class Mixture:
    """An evaluation mixture.

    Attributes:
        id: <clip>-<condition>.
        clip: id of the clip of the voice in it.
        wave: (T,) float32, full scale [-1, 1], 16 kHz.
    """

    id: str
    clip: str
    wave: np.ndarray


@dataclass(frozen=True)
class Voice:
    """A converted voice: (T,) float, as long as its mixture, and the shift of its pitch in cents.

    The shift is NaN where the model chose the key.
    """

    wave: np.ndarray
    shift_cents: float


Converting = Callable[[Mixture], Voice]
Tracking = Callable[[Mixture], tuple[np.ndarray, np.ndarray]]  # F0 in Hz and voicing in [0, 1], (N,) each


@dataclass(frozen=True)
class Selection:
    """Which mixtures are worked on: those of the splits, conditions and clips; empty for all."""

    splits: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    clips: tuple[str, ...] = ()

    def rows(self, shards: Shards) -> list[int]:
        """Return the index rows of the mixtures.

        Raises:
            InputError: there are none.
        """
        kept = np.ones(len(shards.column("id")), bool)
        for name, wanted in (("split", self.splits), ("condition", self.conditions), ("clip", self.clips)):
            if wanted:
                kept &= np.isin(shards.column(name), wanted)
        if not kept.any():
            raise InputError(f"{shards.folder}: no mixture of {self}; make mixtures of these splits and conditions")
        return np.flatnonzero(kept).tolist()


def write_converted(
    execution: Execution,
    mixtures: Path,
    systems: Mapping[str, Converting],
    selection: Selection = Selection(),
    targets: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Write what each system makes of each mixture as shards of 16-bit sound; if it was stopped, it resumes.

    The index has the columns system, clip, condition, singer, song, split and shift_cents, and target if it is given.

    Args:
        execution: output folder, and listener of the progress.
        mixtures: folder of the mixtures (`data.voices.mixtures`).
        systems: systems by name.
        selection: which mixtures.
        targets: name of the singer that each system converts to, where they convert to several.

    Returns:
        The number of "mixtures" and of "systems".

    Raises:
        InputError: there are no such mixtures.
        ValueError: there are no systems, a name is not an id, or a voice has another length than its mixture.

    Example:
        >>> systems = {"copy_source": copy_source(Path("voices"))}
        >>> write_converted(Execution(Path("converted")), Path("mixtures"), systems)
    """

    def made(mixture: Mixture, name: str) -> Item:
        voice = systems[name](mixture)
        if voice.wave.shape != mixture.wave.shape:
            raise ValueError(f"{name} made {voice.wave.shape} of {mixture.id}, which is {mixture.wave.shape}")
        if not np.isfinite(voice.wave).all():
            return Rejection(fit_id(f"{name}-{mixture.id}"), "NaN or infinite samples", name)
        marks = [f"{_SHIFT}{voice.shift_cents:g}"]
        if np.abs(voice.wave).max(initial=0) > 1:
            marks.append("clipped")
        return Record(fit_id(f"{name}-{mixture.id}"), to_pcm16(voice.wave)[:, None], RATE, name, marks)

    def annotate(rows: pa.Table) -> pa.Table:
        found = [float(one[0].removeprefix(_SHIFT)) for one in rows["flags"].to_pylist()]
        rows = rows.append_column("shift_cents", pa.array(found, pa.float64()))
        if targets is None:
            return rows
        names = [targets[one] for one in rows["system"].to_pylist()]
        return rows.append_column("target", pa.array(names, pa.string()))

    return _write(execution, mixtures, selection, list(systems), _Work("convert", made, annotate))


def write_melodies(
    execution: Execution, mixtures: Path, systems: Mapping[str, Tracking], selection: Selection = Selection()
) -> dict[str, int]:
    """Write the melody that each system finds in each mixture as shards, float32 (N, 2): F0 in Hz, voicing.

    Arguments, results and errors are those of `write_converted`, without the shift.

    Example:
        >>> systems = {"proposed": lambda mixture: extract(mixture.wave)}
        >>> write_melodies(Execution(Path("melodies")), Path("mixtures"), systems)
    """

    def made(mixture: Mixture, name: str) -> Item:
        f0, voicing = systems[name](mixture)
        if not len(f0) == len(voicing) == melody_frames(len(mixture.wave)):
            raise ValueError(
                f"{name} found {len(f0)} frames in {mixture.id}: {melody_frames(len(mixture.wave))} wanted"
            )
        values = np.stack([f0, voicing], 1).astype(np.float32)
        if not np.isfinite(values).all():
            return Rejection(fit_id(f"{name}-{mixture.id}"), "NaN or infinite F0", name)
        return Record(fit_id(f"{name}-{mixture.id}"), values, FRAME_RATE, name)

    return _write(execution, mixtures, selection, list(systems), _Work("melodies", made, lambda rows: rows))


@dataclass(frozen=True)
class _Work:
    """What is made: its name in progress reports, the maker of an item, and what is added to the index."""

    name: str
    made: Callable[[Mixture, str], Item]
    annotate: Callable[[pa.Table], pa.Table]


def _write(execution: Execution, folder: Path, selection: Selection, names: list[str], work: _Work) -> dict[str, int]:
    """Write the items of all systems and mixtures; the systems of a mixture follow each other."""
    if not names:
        raise ValueError("no systems")
    shards = Shards(folder)
    todo = [(row, name) for row in selection.rows(shards) for name in names]
    ids = {fit_id(f"{name}-{shards.column('id')[row]}"): (row, name) for row, name in todo}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [ids[one] for one in rows["id"].to_pylist()]
        rows = rows.append_column("system", pa.array([name for _, name in found], pa.string()))
        for column in _TEXTS:
            values = shards.column(column)
            rows = rows.append_column(column, pa.array([str(values[row]) for row, _ in found], pa.string()))
        return work.annotate(rows)

    def items(row: int, name: str) -> Iterator[Item]:
        wave = to_float(shards.read(row))[:, 0]
        yield work.made(Mixture(str(shards.column("id")[row]), str(shards.column("clip")[row]), wave), name)

    units = [Unit(1, partial(items, row, name)) for row, name in todo]
    progress = Progress(work.name, total=len(todo), unit="mixtures", listener=execution.listener)
    write_units(execution.folder, units, progress, Labelling(annotate), SMALL_SHARD_BYTES)
    return {"mixtures": len(todo) // len(names), "systems": len(names)}
