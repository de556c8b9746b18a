"""Reads lists of recordings: CSV files that say who sings in which file.

Two forms are known: any CSV with the columns "file" and "singer", which may have "song" and "language" too, and the
table of metadata of vocadito ("track_id", "singer_id", "language").
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.errors import InputError

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
        InputError: a list names a file that is not there, or is not UTF-8 text.
    """
    found = {}
    for name, path in files.items():
        if path.suffix.lower() == ".csv" and path.stat().st_size <= _LARGEST:
            found.update(_read(name, path, files))
    return found


def _read(name: str, path: Path, files: Mapping[str, Path]) -> Iterator[tuple[str, Said]]:
    """Yield the recordings that one CSV file lists, none if it is no list."""
    folder = PurePosixPath(name).parent
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            if {"file", "singer"} <= columns:
                for row in rows:
                    listed = (folder / _text(row, "file")).as_posix()
                    if listed not in files:
                        raise InputError(f"{path}: lists {_text(row, 'file')!r}, which is not there; correct the list")
                    yield listed, Said(*(_text(row, one) for one in ("singer", "song", "language")))
            elif {"track_id", "singer_id"} <= columns:
                for row in rows:
                    said = Said(f"vocadito_{_text(row, 'singer_id')}", "", _text(row, "language"))
                    yield from (
                        (one, said) for one in files if PurePosixPath(one).stem == f"vocadito_{row['track_id']}"
                    )
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a list of recordings in UTF-8 ({error}); correct or remove it") from error


def _text(row: Mapping[str, str | None], column: str) -> str:
    """Return a value of a row, "" for one that says that it is unknown."""
    text = (row.get(column) or "").strip()
    return "" if text.lower() in _UNKNOWN else text
