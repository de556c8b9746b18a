"""Checks that no two splits share a song or identical audio."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from data.shards.duplicates import leaked_audio


def songs_in_two_splits(folder: Path, index: pa.Table) -> list[str]:
    """Return a message for every song, or identical audio, that two splits of a committed index share.

    Args:
        folder: folder of the shards.
        index: index of the shards (`Shards.table`) with the columns track and split.

    Example:
        >>> songs_in_two_splits(folder, Shards(folder).table)
        []
    """
    splits: dict[str, set[str]] = defaultdict(set)
    for track, split in zip(index["track"].to_pylist(), index["split"].to_pylist(), strict=True):
        splits[track].add(split)
    found = [f"{track} is in {' and '.join(sorted(some))}" for track, some in sorted(splits.items()) if len(some) > 1]
    return found + leaked_audio(folder, index)
