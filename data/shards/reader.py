"""Reads shards: any recording or segment of one, located by the index and checked by its checksum.

Shapes: B batch, T samples (or frames), K channels (or values per frame).
"""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from isal import isal_zlib

from data.errors import InputError
from data.files.tables import read_table, read_table_metadata
from data.shards.writer import CRC_BLOCK, INDEX, SCHEMA_VERSION, block_checksums, shard_name

_MOST_OPEN = 32  # files that a reader keeps open; systems allow a process 256 and more


class CorruptShard(InputError):
    """The content of a shard does not match its index."""


class Shards:
    """Random access to the recordings in a finished folder of shards. Threads may share it.

    However many shards there are, at most 32 files are kept open: those that were read last.

    Attributes:
        folder: folder of the shards.
        table: the index, one row per recording (columns: `data.shards.writer.LOCATION` without reason, and labels).
        metadata: values stored with the index.

    Example:
        >>> shards = Shards(Path("shards"))
        >>> pcm = shards.read(shards.rows(split="test")[0])  # (T, K)
    """

    def __init__(self, folder: Path) -> None:
        """Open `folder`.

        Raises:
            InputError: the index is missing or of another format version, or a shard is missing or has another size.
        """
        self.folder = folder
        path = folder / INDEX
        if not path.is_file():
            raise InputError(f"{folder}: no {INDEX}, so these shards were never finished; materialise them again")
        self.metadata = read_table_metadata(path)
        if self.metadata["version"] != SCHEMA_VERSION:
            raise InputError(
                f"{path}: shard format {self.metadata['version']}, this program reads {SCHEMA_VERSION}; ingest again"
            )
        self.table: pa.Table = read_table(path)
        for one in self.metadata["shards"]:
            shard = folder / one["name"]
            found = shard.stat().st_size if shard.is_file() else 0
            if found != one["bytes"]:
                raise CorruptShard(f"{shard}: {found} bytes where {one['bytes']} were written; ingest again")
        self._columns: dict[str, np.ndarray] = {}
        # Lists of Python integers: reading a note takes 20 µs, and creating numpy scalars would add a third.
        self._shard: list[int] = self.table["shard"].to_pylist()
        self._offset: list[int] = self.table["offset"].to_pylist()
        self._nbytes: list[int] = self.table["nbytes"].to_pylist()
        self._crc = self.table["crc32"].to_pylist()
        # Threads share the files. One that falls out of the cache is closed when the last of them has read from it.
        self._opened = functools.lru_cache(_MOST_OPEN)(functools.partial(_OpenFile.of, folder))

    def __len__(self) -> int:
        return len(self.table)

    def column(self, name: str) -> np.ndarray:
        """Return an index column as a read-only array, which is cached."""
        if name not in self._columns:
            values = self.table[name].to_numpy()
            values.flags.writeable = False
            self._columns[name] = values
        return self._columns[name]

    def rows(self, **equal: Any) -> np.ndarray:
        """Return the numbers of the rows whose columns have these values, such as `rows(split="test")`."""
        keep = np.ones(len(self), dtype=bool)
        for name, value in equal.items():
            keep &= self.column(name) == value
        return np.flatnonzero(keep)

    def read(self, row: int) -> np.ndarray:
        """Return one whole recording, (T, K), in its stored type.

        Raises:
            CorruptShard: the bytes do not match their checksum; the message names the recording.
        """
        values = np.empty((self.column("frames")[row], self.column("channels")[row]), self.column("dtype")[row])
        self._fill(row, values)
        return values

    def read_into(self, rows: Sequence[int], out: np.ndarray) -> None:
        """Read recordings of equal size into `out`, (B, T, K), of their stored type.

        Reuse `out`: the first access to newly allocated memory costs more than reading the file. One thread reads,
        because two would lose more time by passing the interpreter lock to each other than they gain.

        Raises:
            CorruptShard: the bytes do not match their checksum; the message names the recording.
            ValueError: `out` does not fit the recordings.
        """
        for row, values in zip(rows, out, strict=True):
            self._fill(row, values)

    def _fill(self, row: int, values: np.ndarray) -> None:
        """Read recording `row` into the contiguous array `values` and check it."""
        if values.nbytes != self._nbytes[row]:
            raise ValueError(f"{values.nbytes} bytes asked of a recording of {self._nbytes[row]}")
        raw = values.data.cast("B")
        self._pread(row, raw, 0)
        if block_checksums(raw) != self._crc[row]:
            raise self._corrupt(row)

    def segment(self, row: int, start: int, length: int) -> np.ndarray:
        """Return samples start to start + length - 1 of a recording, (length, K), in its stored type.

        Reads whole checksum blocks of 1 MiB, so at most 2 MiB more than requested.

        Raises:
            CorruptShard: the bytes do not match their checksum; the message names the recording.
            ValueError: the segment is not within the recording.

        Example:
            >>> second = shards.segment(row, start=44_100, length=44_100)  # (44100, K)
        """
        frames, dtype = int(self.column("frames")[row]), np.dtype(self.column("dtype")[row])
        if start < 0 or length < 0 or start + length > frames:
            raise ValueError(f"samples {start} to {start + length} of a recording of {frames}")
        channels = int(self.column("channels")[row])
        width = dtype.itemsize * channels
        first, last = start * width // CRC_BLOCK, -(-(start + length) * width // CRC_BLOCK)
        raw = memoryview(bytearray(min(last * CRC_BLOCK, self._nbytes[row]) - first * CRC_BLOCK))
        self._pread(row, raw, first * CRC_BLOCK)
        if block_checksums(raw) != self._crc[row][first:last]:
            raise self._corrupt(row)
        begin = start * width - first * CRC_BLOCK
        return np.frombuffer(raw[begin : begin + length * width], dtype).reshape(length, channels)

    def _pread(self, row: int, raw: memoryview, start: int) -> None:
        """Fill `raw` with the bytes of a recording from its byte `start` on, opening the shard file if necessary."""
        file = self._opened(self._shard[row])
        position = self._offset[row] + start
        while len(raw):
            count = os.preadv(file.descriptor, [raw], position)
            if count == 0:
                raise self._corrupt(row)
            raw, position = raw[count:], position + count

    def _corrupt(self, row: int) -> CorruptShard:
        """Return the exception for a damaged recording."""
        path = self.folder / shard_name(self._shard[row])
        return CorruptShard(
            f"{path}: recording {self.column('id')[row]} does not match its CRC-32; "
            "the disk or a program has changed it; delete the folder and ingest again"
        )

    def damaged(self) -> Iterator[str]:
        """Yield a message for every shard file, and every recording, whose CRC-32 is wrong."""
        for one in self.metadata["shards"]:
            if _file_crc32(self.folder / one["name"]) != one["crc32"]:
                yield f"{self.folder / one['name']}: CRC-32 differs from the index"
        for row in range(len(self)):
            try:
                self.read(row)
            except CorruptShard as error:
                yield str(error)

    def close(self) -> None:
        """Close the shard files; the next read opens them again."""
        self._opened.cache_clear()


class _OpenFile:
    """A file that is open for reading, and closed when nobody refers to it any more."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @classmethod
    def of(cls, folder: Path, number: int) -> "_OpenFile":
        """Open shard `number` of a folder."""
        return cls(os.open(folder / shard_name(number), os.O_RDONLY))

    def __del__(self, close: Callable[[int], None] = os.close) -> None:  # `os` may be gone when Python ends
        close(self.descriptor)


def _file_crc32(path: Path) -> int:
    """Return the CRC-32 of a file."""
    checksum = 0
    with open(path, "rb") as file:
        while piece := file.read(CRC_BLOCK):
            checksum = isal_zlib.crc32(piece, checksum)
    return checksum


def find_damage(shards: Shards, count: int, seed: int = 0) -> list[str]:
    """Return a message for each damaged recording among `count` recordings drawn at random."""
    rows = np.random.default_rng(seed).permutation(len(shards))[:count]
    found = []
    for row in rows:
        try:
            shards.read(int(row))
        except CorruptShard as error:
            found.append(str(error))
    return found
