"""Finds recordings with identical audio, and decides which copies to remove so that no two splits share audio."""

import hashlib
from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from data.shards.writer import shard_name

_PRECEDENCE = ("test", "valid", "train")


def identical_audio(folder: Path, rows: pa.Table) -> list[list[int]]:
    """Return the groups of index rows, by row number, whose stored values are the same bytes.

    Rows with equal CRC-32s are candidates. Only these are read and compared by SHA-256, because among 300,000
    recordings about a dozen pairs share a CRC-32 by chance.

    Args:
        folder: folder of the shards.
        rows: index rows with the columns crc32, shard, offset and nbytes.

    Returns:
        Groups of at least two row numbers each.
    """
    candidates: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, checksums in enumerate(rows["crc32"].to_pylist()):
        candidates[tuple(checksums)].append(number)
    groups: dict[bytes, list[int]] = defaultdict(list)
    locations = rows.select(["shard", "offset", "nbytes"])
    for numbers in candidates.values():
        if len(numbers) > 1:
            for number in numbers:
                groups[_digest(folder, **locations.slice(number, 1).to_pylist()[0])].append(number)
    return [numbers for numbers in groups.values() if len(numbers) > 1]


def _digest(folder: Path, shard: int, offset: int, nbytes: int) -> bytes:
    """Return the SHA-256 of the stored values of one recording."""
    with open(folder / shard_name(shard), "rb") as file:
        file.seek(offset)
        return hashlib.sha256(file.read(nbytes)).digest()


def copies_to_remove(groups: list[list[int]], ids: list[str], splits: list[str]) -> dict[str, str]:
    """Return the recordings to remove because a split of higher rank contains the same audio: id -> reason.

    "test" ranks above "valid", and "valid" above "train": the published evaluation data stays complete and the training
    copy is removed. Recordings without a split ("") are not removed.

    Args:
        groups: groups of row numbers with identical audio (`identical_audio`).
        ids: id of every row.
        splits: split of every row.
    """
    removed = {}
    for group in groups:
        present = [split for split in _PRECEDENCE if any(splits[number] == split for number in group)]
        if len(present) < 2:
            continue
        original = next(ids[number] for number in group if splits[number] == present[0])
        for number in group:
            if splits[number] in present[1:]:
                removed[ids[number]] = f"same audio as {original} of the {present[0]} split"
    return removed


def leaked_audio(folder: Path, index: pa.Table) -> list[str]:
    """Return a message for every recording of an index whose audio is also in a split of higher rank.

    Args:
        folder: folder of the shards.
        index: index with the columns id, split, crc32, shard, offset and nbytes.
    """
    groups = identical_audio(folder, index)
    copies = copies_to_remove(groups, index["id"].to_pylist(), index["split"].to_pylist())
    return [f"{one}: {reason}" for one, reason in sorted(copies.items())]
