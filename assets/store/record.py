"""Reads the record of a finished version, run.json, and compares the files of the version with it.

run.json holds its own checksum and, for every other file of the version, its size, its time of modification and the
SHA-256 of its content. Small files are always compared by their content, since that takes no longer than it takes to
open them. Of large files, size and time are compared, and the content where the time differs; whoever reads them
compares a checksum of their own (shards, weights, tables). Files that are not in the record (`.DS_Store`) are ignored.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.files.checked_json import read_checked_json
from data.files.durable import file_sha256

RUN = "run.json"
_SMALL = 1 << 20  # bytes


def read_record(folder: Path) -> dict[str, Any]:
    """Return the content of run.json of a version.

    Raises:
        InputError: the version is not finished, or run.json cannot be read or is not what was written.
    """
    path = folder / RUN
    try:
        return read_checked_json(path)
    except InputError as error:
        raise InputError(f"{path}: no finished version ({error}); materialise the asset again") from error


def measure(path: Path) -> dict[str, Any]:
    """Return what run.json records of a file: size in bytes, time of modification in ns, SHA-256 of the content."""
    found = path.stat()
    return {"bytes": found.st_size, "modified_ns": found.st_mtime_ns, "sha256": file_sha256(path)}


def damage(folder: Path) -> str | None:
    """Return what is wrong with the first damaged file of a finished version as text, or None if all are whole."""
    return next(iter(damaged_files(folder)), None)


def damaged_files(folder: Path, *, thorough: bool = False) -> list[str]:
    """Compare the files of a finished version with run.json.

    A file whose content is as recorded and whose time is not (of a store that was copied) gets the recorded time again,
    so that its content need not be compared the next time.

    Args:
        folder: folder of the version.
        thorough: whether to compare the content of large files too where size and time are as recorded.

    Returns:
        A text for each damaged file: its path in the folder, and what is wrong.

    Example:
        >>> damaged_files(get(slot), thorough=True)
        ['model.safetensors: its content is not what was written']
    """
    try:
        files = read_record(folder)["files"].items()
        return [f"{name}: {why}" for name, known in files if (why := _difference(folder / name, known, thorough))]
    except (InputError, KeyError, TypeError, AttributeError, ValueError) as error:  # of a record without a checksum
        return [f"{RUN}: cannot be read ({error})"]


def _difference(path: Path, known: Mapping[str, Any], thorough: bool) -> str:
    """Return how a file differs from what is recorded of it; "" if it does not."""
    size, modified, digest = known["bytes"], known["modified_ns"], known["sha256"]
    try:
        found = path.stat()
        if found.st_size != size:
            return f"{found.st_size} bytes where {size} were written"
        touched = found.st_mtime_ns != modified
        if (thorough or touched or size <= _SMALL) and file_sha256(path) != digest:
            return "its content is not what was written"
        if touched:
            with suppress(OSError, OverflowError):  # of a store that may only be read
                os.utime(path, ns=(found.st_atime_ns, modified))
    except FileNotFoundError:
        return "is gone"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""
