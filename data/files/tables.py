"""Reads and writes Parquet tables, with JSON metadata and a checksum of the whole file in the file.

Parquet itself checks its data pages only: a changed bit in the description at the end of a file (types, counts, the
JSON metadata) passes unnoticed, or ends the program that reads it. So the description also holds the SHA-256 of the
file, computed with zeros in the place of its 64 digits, and it is compared before anything else is read. Tables of
earlier versions of this module have no such entry; of them, the pages alone are checked.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.files.durable import file_sha256, replacing_path

if TYPE_CHECKING:
    import pandas as pd

_CHECKSUM = b"tessitura.checksum"
_BEFORE_DIGITS = b"sha256-with-zeros-here:"
_ZEROS = b"0" * 64


def write_table(path: Path, tables: Iterable[pa.Table], metadata: dict[str, Any]) -> None:
    """Write tables of one schema as one Parquet file, atomically.

    Args:
        path: the file.
        tables: at least one table; each becomes a row group.
        metadata: values that JSON can represent, stored in the schema; `read_table_metadata` returns them.
    """
    tables = iter(tables)
    first = next(tables)
    schema = first.schema.with_metadata({"tessitura": json.dumps(metadata, sort_keys=True)})
    with _writing(path, schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table.cast(schema))


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file and verify its checksums.

    Raises:
        InputError: the file is missing or damaged; the message names it.
    """
    with _blaming(path):
        return pq.read_table(_checked(path), page_checksum_verification=True)


def read_table_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata that `write_table` stored in the file, and verify the checksum of the file.

    Raises:
        InputError: the file is missing, damaged, or was not written by `write_table`; the message names it.
    """
    with _blaming(path):
        return dict(json.loads((pq.read_schema(_checked(path)).metadata or {})[b"tessitura"]))


def write_frame(path: Path, frame: "pd.DataFrame") -> None:
    """Write a data frame, without its index, as a Parquet file with checksums, atomically.

    Example:
        >>> write_frame(Path("scores.parquet"), pd.DataFrame({"track": ["a"], "sdr": [5.2]}))
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with _writing(path, table.schema) as writer:
        writer.write_table(table)


def read_frame(path: Path, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """Read a Parquet file as a data frame and verify its checksums.

    Args:
        path: the file.
        columns: names of the columns to read, all by default.

    Raises:
        InputError: the file is missing or damaged; the message names it.
    """
    with _blaming(path):
        chosen = None if columns is None else list(columns)
        return pq.read_table(_checked(path), columns=chosen, page_checksum_verification=True).to_pandas()


@contextmanager
def _writing(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Context manager: yields a writer of a Parquet file; afterwards adds the checksum and gives the file its name."""
    with replacing_path(path) as partial:
        with pq.ParquetWriter(partial, schema, write_page_checksum=True) as writer:
            yield writer
            writer.add_key_value_metadata({_CHECKSUM: _BEFORE_DIGITS + _ZEROS})
        digits = file_sha256(partial).encode()
        place = partial.read_bytes().rindex(_BEFORE_DIGITS + _ZEROS) + len(_BEFORE_DIGITS)
        with open(partial, "r+b") as file:
            file.seek(place)
            file.write(digits)


def _checked(path: Path) -> pa.BufferReader:
    """Return the content of a Parquet file after comparing it with the checksum in it, if there is one.

    Raises:
        InputError: they differ. A file counts as one with a checksum if it holds the name of the entry or the words
            before the digits, so that no single fault makes it one without.
    """
    content = path.read_bytes()
    if _CHECKSUM in content or _BEFORE_DIGITS in content:
        start = content.rfind(_BEFORE_DIGITS) + len(_BEFORE_DIGITS)
        zeroed = content[:start] + _ZEROS + content[start + len(_ZEROS) :]
        if content[start : start + len(_ZEROS)] != hashlib.sha256(zeroed).hexdigest().encode():
            raise InputError("its content is not what was written")
    return pa.BufferReader(content)


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Context manager: turns the errors of a damaged Parquet file into an `InputError` that names the file."""
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: damaged ({said}); delete its folder and make it again") from error
