"""Recordings that are the same sound, and which of them must go so that no split shares a sound with another."""

import hashlib
from collections import defaultdict
from pathlib import Path

import pyarrow as pa

from data.shards.writer import shard_name

_PRECEDENCE = ("test", "valid", "train")


def identical_audio(folder: Path, rows: pa.Table) -> list[list[int]]:
    """Return the groups of rows, by number, whose raw values are the same bytes.

    Equal CRC-32s name candidates; only those are read and compared by SHA-256, since among
    300,000 recordings a dozen pairs share a CRC-32 by chance.
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
    with open(folder / shard_name(shard), "rb") as file:
        file.seek(offset)
        return hashlib.sha256(file.read(nbytes)).digest()


def copies_to_remove(groups: list[list[int]], ids: list[str], splits: list[str]) -> dict[str, str]:
    """Return id -> reason for every recording whose audio also lies in a split that outranks its own.

    Test outranks valid outranks train: what a model is judged on stays as published, and the
    training copy goes. Recordings without a split ("") are left alone.
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
    """Return a message for every recording whose sound also lies in a split that outranks its own."""
    groups = identical_audio(folder, index)
    copies = copies_to_remove(groups, index["id"].to_pylist(), index["split"].to_pylist())
    return [f"{one}: {reason}" for one, reason in sorted(copies.items())]
