"""Writes recordings into TAR files (shards) with a Parquet index that locates each recording.

A shard is a plain TAR in WebDataset layout, one member per recording: `<id>.wav` for 16-bit audio, `<id>.npy` for
arrays. The index says where the values of each recording are, so a reader never scans a TAR:

    shard-00000.tar   | 512 TAR header | 44 WAV header | PCM (nbytes from offset on) | padding | 512 ...

A shard is committed by its rows (`shard-00000.parquet`), the folder by `index.parquet`, written last. If the writer is
killed at any point, the next one keeps the shards whose rows exist, deletes the rest and continues; the resulting bytes
are the same. Accepted items are rows of the index, rejected ones, with the reason, of the quarantine table.
"""

import io
import os
import struct
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from isal import isal_zlib

from data.errors import InputError
from data.files.durable import SUFFIX, publish, whole_or_gone
from data.files.names import check_id
from data.files.tables import read_table, read_table_metadata, write_table

SCHEMA_VERSION = 2
INDEX = "index.parquet"
QUARANTINE = "quarantine.parquet"
CRC_BLOCK = 1 << 20
SHARD_BYTES = 256 << 20
MOST_ROWS = 50_000
_TAR_BLOCK = 512

LOCATION = pa.schema(
    [
        ("id", pa.string()),
        ("part", pa.string()),
        ("shard", pa.int32()),
        ("offset", pa.int64()),
        ("nbytes", pa.int64()),
        ("frames", pa.int64()),
        ("channels", pa.int32()),
        ("dtype", pa.string()),
        ("sample_rate", pa.float64()),
        ("crc32", pa.list_(pa.uint32())),
        ("flags", pa.list_(pa.string())),
        ("source_sha256", pa.string()),
        ("reason", pa.string()),
    ]
)

_QUARANTINE_SCHEMA = pa.schema([LOCATION.field(name) for name in ("id", "part", "reason")])


@dataclass(frozen=True)
class Record:
    """One recording to be stored.

    Attributes:
        id: unique id: letters, digits, "_" and "-" (`names.make_id` makes one from any text).
        values: int16 audio, (T, K), or float16/float32 frames, (N, D).
        sample_rate: samples or frames per second.
        part: part of the source that it comes from.
        flags: quality flags (`data.shards.quality`).
        source_sha256: SHA-256 of the file it was read from, "" if none.
    """

    id: str
    values: np.ndarray
    sample_rate: float
    part: str = ""
    flags: list[str] = field(default_factory=list)
    source_sha256: str = ""


@dataclass(frozen=True)
class Rejection:
    """An item of the source that cannot be stored: its id, the reason, and the part of the source it comes from."""

    id: str
    reason: str
    part: str = ""


Item = Record | Rejection


def shard_name(number: int) -> str:
    """Return the file name of shard `number`."""
    return f"shard-{number:05d}.tar"


def block_checksums(raw: memoryview | bytes) -> list[int]:
    """Return the CRC-32 of each MiB of `raw`, so that part of a long recording can be checked alone."""
    view = memoryview(raw)
    return [isal_zlib.crc32(view[start : start + CRC_BLOCK]) for start in range(0, len(view), CRC_BLOCK)]


def _member(record: Record) -> tuple[str, bytes]:
    """Return the member name and the file header that precedes the raw values."""
    check_id(record.id)
    values = record.values
    if values.dtype == np.int16:
        channels, size = values.shape[1], values.nbytes
        rate, width = round(record.sample_rate), 2 * channels
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * width, width, 16)
        return f"{record.id}.wav", b"RIFF" + struct.pack("<I", 36 + size) + b"WAVE" + form + struct.pack(
            "<4sI", b"data", size
        )
    header = io.BytesIO()
    description = {"descr": values.dtype.str, "fortran_order": False, "shape": values.shape}
    np.lib.format.write_array_header_1_0(header, description)
    return f"{record.id}.npy", header.getvalue()


def is_committed(folder: Path) -> bool:
    """Return whether the shards in `folder` are finished: the index exists and every shard has its full size.

    If so, it also deletes the files that a writer killed directly after its commit has left.
    """
    try:
        shards = read_table_metadata(folder / INDEX)["shards"]
        whole = all((folder / one["name"]).stat().st_size == one["bytes"] for one in shards)
    except (FileNotFoundError, InputError):
        return False
    if whole:
        for rows in folder.glob("shard-*.parquet"):
            rows.unlink()
    return whole


class ShardWriter:
    """Writes records into shards and resumes where a killed writer stopped.

    Example:
        >>> writer = ShardWriter(folder)
        >>> for item in islice(items, writer.consumed, None):
        ...     writer.add(item)
        >>> writer.commit()
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES) -> None:
        """Open `folder`; `consumed` is then the number of items that are stored already, rejected ones included.

        Raises ValueError for a committed folder (`is_committed`), which is finished.
        """
        if is_committed(folder):
            raise ValueError(f"{folder}: these shards are finished; nothing can be added to them")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._shard_bytes = folder, shard_bytes
        self.consumed = 0
        self._finished: list[dict[str, Any]] = []
        self._rows: list[dict[str, Any]] = []
        self._file: IO[bytes] | None = None
        # If an index exists although the folder is not committed, it does not describe the new content.
        (folder / INDEX).unlink(missing_ok=True)
        self._recover()

    def _recover(self) -> None:
        """Keep the finished shards before the first damaged one, and delete what a killed writer left behind."""
        while (rows := self._rows_path(len(self._finished))).is_file():
            try:
                metadata = read_table_metadata(rows)
                read_table(rows)
            except InputError:
                break
            shard = self.folder / metadata["name"]
            if metadata["bytes"] and not (shard.is_file() and shard.stat().st_size == metadata["bytes"]):
                break
            self._finished.append(metadata)
            self.consumed += metadata["items"]
        kept = {metadata["name"] for metadata in self._finished}
        for path in self.folder.glob("shard-*"):
            if path.name.endswith(SUFFIX) or path.with_suffix(".tar").name not in kept:
                path.unlink()

    def _rows_path(self, number: int) -> Path:
        """Return the path of the rows of shard `number`."""
        return (self.folder / shard_name(number)).with_suffix(".parquet")

    def add(self, item: Item) -> None:
        """Store a record or a rejection; the index has the order of the calls."""
        if isinstance(item, Rejection):
            self._rows.append({"id": item.id, "part": item.part, "reason": item.reason})
        else:
            self._store(item)
        full = self._file is not None and self._position >= self._shard_bytes
        if full or len(self._rows) >= MOST_ROWS:
            self._finish_shard()

    def _store(self, record: Record) -> None:
        """Append a member to the open shard."""
        name, header = _member(record)
        raw = np.ascontiguousarray(record.values).data.cast("B")
        member = tarfile.TarInfo(name)
        member.size = len(header) + len(raw)
        if self._file is None:
            self._open_shard()
        offset = self._position + _TAR_BLOCK + len(header)
        for piece in (member.tobuf(tarfile.USTAR_FORMAT), header, raw, bytes(-member.size % _TAR_BLOCK)):
            self._write(piece)
        self._rows.append(
            {
                "id": record.id,
                "part": record.part,
                "shard": len(self._finished),
                "offset": offset,
                "nbytes": len(raw),
                "frames": record.values.shape[0],
                "channels": record.values.shape[1],
                "dtype": record.values.dtype.str,
                "sample_rate": record.sample_rate,
                "crc32": block_checksums(raw),
                "flags": record.flags,
                "source_sha256": record.source_sha256,
            }
        )

    def _open_shard(self) -> None:
        self._partial = self.folder / (shard_name(len(self._finished)) + SUFFIX)
        self._file = open(self._partial, "wb", buffering=1 << 20)  # noqa: SIM115 (open until the shard is full)
        self._position, self._checksum = 0, 0

    def _write(self, piece: bytes | memoryview) -> None:
        assert self._file is not None
        with whole_or_gone(self._partial, self._file):
            self._file.write(piece)
        self._checksum = isal_zlib.crc32(piece, self._checksum)
        self._position += len(piece)

    def _finish_shard(self) -> None:
        """Close the open shard and give it its name, then commit it by writing its rows."""
        name = shard_name(len(self._finished))
        metadata = {"name": name, "items": len(self._rows), "bytes": 0, "crc32": 0}
        if self._file is not None:
            self._write(bytes(2 * _TAR_BLOCK))
            with whole_or_gone(self._partial, self._file):
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            self._file = None
            publish(self._partial, self.folder / name)
            metadata |= {"bytes": self._position, "crc32": self._checksum}
        write_table(self._rows_path(len(self._finished)), [pa.Table.from_pylist(self._rows, schema=LOCATION)], metadata)
        self._finished.append(metadata)
        self.consumed += len(self._rows)
        self._rows = []

    def rows(self) -> Iterator[pa.Table]:
        """Yield the accepted rows of each finished shard."""
        for number in range(len(self._finished)):
            table = read_table(self._rows_path(number))
            yield table.filter(table["reason"].is_null())

    def rejections(self) -> Iterator[Rejection]:
        """Yield the rejected items of all finished shards."""
        for number in range(len(self._finished)):
            table = read_table(self._rows_path(number))
            rejected = table.filter(table["reason"].is_valid()).select(["id", "reason", "part"])
            yield from (Rejection(**one) for one in rejected.to_pylist())

    def flush(self) -> None:
        """Finish the open shard, so that `rows` covers all added items, even if there are none."""
        if self._rows or not self._finished:
            self._finish_shard()

    def commit(
        self,
        annotate: Callable[[pa.Table], pa.Table] = lambda rows: rows,
        missing: Sequence[Rejection] = (),
        **metadata: Any,
    ) -> None:
        """Write the quarantine table, then the index, which completes the folder.

        Args:
            annotate: receives the accepted rows of a shard and returns them with label columns added; a row for which
                it sets `reason` is quarantined. Called twice for each shard.
            missing: items that the source should contain but does not.
            **metadata: values that JSON can represent, stored with the index (such as the parts of the source).
        """
        self.flush()
        metadata |= {"version": SCHEMA_VERSION, "shards": [one for one in self._finished if one["bytes"]]}
        write_table(self.folder / QUARANTINE, self._rejected(annotate, missing), {})
        accepted = (rows.filter(rows["reason"].is_null()) for rows in map(annotate, self.rows()))
        write_table(self.folder / INDEX, (rows.drop_columns(["reason"]) for rows in accepted), metadata)
        for number in range(len(self._finished)):
            self._rows_path(number).unlink()

    def _rejected(self, annotate: Callable[[pa.Table], pa.Table], missing: Sequence[Rejection]) -> Iterator[pa.Table]:
        """Yield the quarantined rows: rejected items, missing items, and rows rejected by `annotate`."""
        plain = [{"id": one.id, "part": one.part, "reason": one.reason} for one in chain(self.rejections(), missing)]
        yield pa.Table.from_pylist(plain, schema=_QUARANTINE_SCHEMA)
        for rows in map(annotate, self.rows()):
            yield rows.filter(rows["reason"].is_valid()).select(_QUARANTINE_SCHEMA.names)
