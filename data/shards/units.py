"""Writes shards unit by unit; after a stop, units that are stored already are not made again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.processes import map_in_order
from data.progress import Progress
from data.shards.writer import SHARD_BYTES, Item, ShardWriter, is_committed

SMALL_SHARD_BYTES = 32 << 20  # for items that are slow to make: the most that must be made again after a kill


@dataclass(frozen=True)
class Unit:
    """Items that are made together, such as a batch of notes.

    Attributes:
        count: number of items that `make` returns.
        make: makes the items, in order; called only if some of them are not stored yet.
    """

    count: int
    make: Callable[[], Iterable[Item]]


@dataclass(frozen=True)
class Labelling:
    """What is added to the index besides the location of each record.

    Attributes:
        annotate: receives accepted index rows and returns them with label columns added (`ShardWriter.commit`).
        metadata: receives the writer, with all shards finished, and returns values to be stored with the index.
    """

    annotate: Callable[[pa.Table], pa.Table] = lambda rows: rows
    metadata: Callable[[ShardWriter], Mapping[str, Any]] = lambda writer: {}


def units_by_processes(work: Callable[[Any], Item], items: Sequence[Any], workers: int) -> list[Unit]:
    """Return a unit of one record for each item, made by several processes (`data.processes.map_in_order`).

    They begin with the first unit that is asked for, and go on from there; so units must be made in order, as
    `write_units` does.

    Args:
        work: makes the record of an item; can be sent to another process.
        items: what the records are made of; can be sent too.
        workers: largest number of processes.

    Example:
        >>> units = units_by_processes(tracking.target, clips, execution.workers)
    """
    begun: list[Iterator[Item]] = []

    def make(number: int) -> list[Item]:
        if not begun:
            begun.append(map_in_order(work, items[number:], workers))
        return [next(begun[0])]

    return [Unit(1, partial(make, number)) for number in range(len(items))]


def units_in_processes(units: Sequence[Unit], workers: int) -> list[Unit]:
    """Return the same units, made by several processes (`data.processes.map_in_order`).

    They begin with the first unit that is asked for, and go on from there; so units must be made in order, as
    `write_units` does. All items of a unit are in memory at once.

    Args:
        units: units whose `make` can be sent to another process, such as a `functools.partial` of a function.
        workers: largest number of processes.

    Example:
        >>> write_units(folder, units_in_processes(units, execution.workers), progress)
    """
    begun: list[Iterator[list[Item]]] = []

    def make(number: int) -> list[Item]:
        if not begun:
            begun.append(map_in_order(_made, units[number:], workers))
        return next(begun[0])

    return [Unit(unit.count, partial(make, number)) for number, unit in enumerate(units)]


def _made(unit: Unit) -> list[Item]:
    """Return the items of a unit."""
    return list(unit.make())


def write_units(
    folder: Path,
    units: Sequence[Unit],
    progress: Progress,
    labelling: Labelling = Labelling(),
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the items of all units as shards into `folder`, in order, and commit them.

    If it is stopped and called again with the same units, it resumes and produces the same bytes. Only a unit of which
    some items are stored and others are not is made again. A committed folder is not changed.

    Args:
        folder: folder of the shards; created if necessary.
        units: all units, including those that are stored already.
        progress: advanced by the number of items.
        labelling: what is added to the index besides the location of each record.
        shard_bytes: size in bytes from which a shard is finished and the next one begins.

    Example:
        >>> units = [Unit(len(batch), partial(make_records, batch)) for batch in batches]
        >>> write_units(folder, units, Progress("embed", total=1000, unit="notes"))
    """
    if is_committed(folder):
        progress.skip(sum(unit.count for unit in units))
        progress.finish()
        return
    writer, position = ShardWriter(folder, shard_bytes), 0
    stored = writer.consumed
    progress.skip(stored)
    for unit in units:
        first = min(max(stored - position, 0), unit.count)
        position += unit.count
        if first < unit.count:
            for item in islice(unit.make(), first, None):
                writer.add(item)
                progress.advance()
    writer.flush()
    writer.commit(labelling.annotate, **labelling.metadata(writer))
    progress.finish()
