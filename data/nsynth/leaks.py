"""Checks that no two splits of NSynth share an (instrument, pitch) pair or identical audio."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from data.shards.duplicates import leaked_audio


def leaks(folder: Path, index: pa.Table) -> list[str]:
    """Return a message for everything that two splits of a committed index share; an empty list if nothing.

    Args:
        folder: folder of the shards.
        index: index of the shards (`Shards.table`).

    Example:
        >>> leaks(folder, Shards(folder).table)
        []
    """
    found = []
    splits: dict[tuple[int, int], set[str]] = defaultdict(set)
    columns = (index[name].to_pylist() for name in ("instrument", "pitch", "split"))
    for instrument, pitch, split in zip(*columns, strict=True):
        if split:
            splits[instrument, pitch].add(split)
    for (instrument, pitch), shared in sorted(splits.items()):
        if len(shared) > 1:
            found.append(f"instrument {instrument} at pitch {pitch} is in {' and '.join(sorted(shared))}")
    return found + leaked_audio(folder, index)
