"""Reads and writes Parquet tables, with page checksums and with JSON metadata in the file."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
from data.files.durable import replacing


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
    with replacing(path) as file, pq.ParquetWriter(file, schema, write_page_checksum=True) as writer:
        for table in chain([first], tables):
            writer.write_table(table.cast(schema))


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file and verify its page checksums.

    Raises:
        InputError: the file is missing or damaged; the message names it.
    """
    with _blaming(path):
        return pq.read_table(path, page_checksum_verification=True)


def read_table_metadata(path: Path) -> dict[str, Any]:
    """Return the metadata that `write_table` stored in the file.

    Raises:
        InputError: the file is missing, damaged, or was not written by `write_table`; the message names it.
    """
    with _blaming(path):
        return json.loads((pq.read_schema(path).metadata or {})[b"tessitura"])


def write_frame(path: Path, frame: "pd.DataFrame") -> None:
    """Write a data frame, without its index, as a Parquet file with page checksums, atomically.

    Example:
        >>> write_frame(Path("scores.parquet"), pd.DataFrame({"track": ["a"], "sdr": [5.2]}))
    """
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with replacing(path) as file, pq.ParquetWriter(file, table.schema, write_page_checksum=True) as writer:
        writer.write_table(table)


def read_frame(path: Path, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """Read a Parquet file as a data frame and verify its page checksums.

    Args:
        path: the file.
        columns: names of the columns to read, all by default.

    Raises:
        InputError: the file is missing or damaged; the message names it.
    """
    with _blaming(path):
        chosen = None if columns is None else list(columns)
        return pq.read_table(path, columns=chosen, page_checksum_verification=True).to_pandas()


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    """Context manager: turns the errors of a damaged Parquet file into an `InputError` that names the file."""
    try:
        yield
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); delete its folder and make it again") from error
