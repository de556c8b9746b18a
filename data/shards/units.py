"""Shards written unit by unit: after a stop, what is stored already is not made again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.progress import Progress
from data.shards.writer import SHARD_BYTES, Item, ShardWriter, is_committed

SMALL_SHARD_BYTES = 32 << 20  # for items that are slow to make: what a killed writer has to make again at most


@dataclass(frozen=True)
class Unit:
    """Items that are made together, such as a batch of notes.

    Attributes:
        count: how many items `make` gives.
        make: makes them, in order. It is called only if some of them are not stored yet.
    """

    count: int
    make: Callable[[], Iterable[Item]]


@dataclass(frozen=True)
class Labelling:
    """What the index says beside where each record lies.

    Attributes:
        annotate: is given accepted index rows and returns them with label columns added (`ShardWriter.commit`).
        metadata: is given the writer, all its shards finished, and returns plain values to be kept with the index.
    """

    annotate: Callable[[pa.Table], pa.Table] = lambda rows: rows
    metadata: Callable[[ShardWriter], Mapping[str, Any]] = lambda writer: {}


def write_units(
    folder: Path,
    units: Sequence[Unit],
    progress: Progress,
    labelling: Labelling = Labelling(),
    shard_bytes: int = SHARD_BYTES,
) -> None:
    """Write the items of all units as shards into `folder`, in order, and commit them.

    Stopped and called again with the same units, it goes on where it was and ends at the same bytes. Only a unit
    of which some items are stored and others are not is made once more. A committed folder is left as it is.

    Args:
        folder: of the shards; made if need be.
        units: all of them, also those that are stored already.
        progress: is advanced by the number of items.
        labelling: what the index says beside where each record lies.
        shard_bytes: a shard is finished when it holds as many bytes.
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
