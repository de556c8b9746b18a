"""Reads lists of recordings: CSV files that say who sings in which file.

Two forms are known: any CSV with the columns "file" and "singer", which may have "song" and "language" too, and the
table of metadata of vocadito ("track_id", "singer_id", "language").
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.errors import InputError
from data.files.listing import plain_name
from data.files.regular import UnreadableFile, printable, read_regular

_UNKNOWN = frozenset({"", "?", "unknown", "-"})
_LARGEST = 64 << 20  # bytes; a larger CSV is no list of recordings


@dataclass(frozen=True)
class Said:
    """What a list says about a recording; "" where it says nothing."""

    singer: str
    song: str = ""
    language: str = ""


def read_lists(files: Mapping[str, Path]) -> dict[str, Said]:
    """Return what the lists among `files` say, by the name of the recording.

    Args:
        files: files by their paths below the searched folder, with "/" between folders.

    Raises:
        InputError: a list names a file that is not there, or is not UTF-8 text; or a CSV file that can be a list cannot
            be read. Annotations of a recording (`<name>_f0.csv`) that cannot be read are told when it is ingested.
    """
    found = {}
    for name, path in files.items():
        if path.suffix.lower() == ".csv" and not os.path.isdir(path):
            try:
                content = read_regular(path, _LARGEST)
            except UnreadableFile as error:
                if name.endswith("f0.csv") or _is_large(path):
                    continue
                raise InputError(f"{error}; it may list the singers: mend or remove it") from error
            found.update(_read(name, path, content, files))
    return found


def _is_large(path: Path) -> bool:
    """Return whether a file is too large for a list of recordings."""
    return os.path.isfile(path) and path.stat().st_size > _LARGEST


def _read(name: str, path: Path, content: bytes, files: Mapping[str, Path]) -> Iterator[tuple[str, Said]]:
    """Yield the recordings that one CSV file lists, none if it is no list."""
    folder = PurePosixPath(name).parent
    try:
        with io.StringIO(content.decode("utf-8-sig"), newline="") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            if {"file", "singer"} <= columns:
                for row in rows:
                    listed = plain_name(str(folder / _text(row, "file")))
                    if listed not in files:
                        raise InputError(
                            f"{printable(path)}: lists {_text(row, 'file')!r}, which is not there; correct the list"
                        )
                    yield listed, Said(*(_text(row, one) for one in ("singer", "song", "language")))
            elif {"track_id", "singer_id"} <= columns:
                for row in rows:
                    said = Said(f"vocadito_{_text(row, 'singer_id')}", "", _text(row, "language"))
                    yield from (
                        (one, said) for one in files if PurePosixPath(one).stem == f"vocadito_{row['track_id']}"
                    )
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{printable(path)}: not a list of recordings in UTF-8 ({error}); correct or remove it"
        ) from error


def _text(row: Mapping[str, str | None], column: str) -> str:
    """Return a value of a row, "" for one that says that it is unknown."""
    text = (row.get(column) or "").strip()
    return "" if text.lower() in _UNKNOWN else text
