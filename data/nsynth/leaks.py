"""What two splits of NSynth must not share: an (instrument, pitch) pair, or a sound."""

from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from data.shards.duplicates import leaked_audio


def leaks(folder: Path, index: pa.Table) -> list[str]:
    """Return a message for everything two splits of a committed index share; empty if all is well."""
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
