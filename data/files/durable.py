"""Writes files atomically: a file is complete or absent, also after a crash.

The content is written to a temporary file in the same folder, forced to disk (fsync) and then renamed. A reader sees
the old file or the new one, never part of one, at whatever moment the process is killed or the power fails. The file
is synced before the rename and its folder after it: without the first, the new name could exist without its content;
without the second, the new name itself could be lost.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from typing import IO, Any

from data.errors import InputError, PermanentError

SUFFIX = ".partial"
_OF_DISKS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
_CODE = re.compile(r"(?:errno|os error) (\d+)", re.IGNORECASE)  # in the messages of libraries


@contextmanager
def naming(path: Path, partial: Path | None = None) -> Iterator[None]:
    """Context manager for writing a file: an error of the disk, such as a full one, names the file.

    Python names a file that cannot be opened, but not one that cannot be written to; Arrow and safetensors name neither
    and raise errors of their own, and copying a folder raises a list of them.

    Args:
        path: the file, or the folder, to be named.
        partial: temporary name under which it is written; errors name `path` in its place.

    Raises:
        OSError: the disk is full or broken; `filename` is the file.

    Example:
        >>> with naming(path), open(path, "ab") as file:
        ...     file.write(line)
    """
    try:
        yield
    except Exception as error:
        if (named := _named(error, path, partial or path)) is None:
            raise
        raise named from error


def _named(error: Exception, path: Path, partial: Path) -> OSError | None:
    """Return an error of the disk with the name of the file; None if it is another error, or has that name."""
    if isinstance(error, PermanentError):
        return None
    said = _CODE.search(str(error))
    code = getattr(error, "errno", None) or (int(said[1]) if said else None)
    place = getattr(error, "filename2", None) or getattr(error, "filename", None)
    if code not in _OF_DISKS or (place is not None and str(partial) not in str(place)):
        return None
    return OSError(code, os.strerror(code), str(place or path).replace(str(partial), str(path), 1))


def sync(path: Path) -> None:
    """Force the content of a closed file, or the list of names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(partial: Path, path: Path) -> None:
    """Rename the finished and synced file `partial` to `path`, and sync the folder."""
    os.replace(partial, path)
    sync(path.parent)


@contextmanager
def whole_or_gone(path: Path, file: IO[bytes]) -> Iterator[None]:
    """Context manager for writing to an open file: after an error of the system it is closed and deleted, and named."""
    try:
        with naming(path):
            yield
    except OSError:
        with suppress(OSError):
            file.close()
        path.unlink(missing_ok=True)
        raise


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """Context manager: yields a temporary path, and renames that file to `path` if the block ends without an exception.

    For libraries that open files themselves. After an exception the temporary file is deleted and an older `path` kept.

    Args:
        path: final name; its folder is created if necessary.

    Yields:
        A path in the same folder, to which the block must write a file.

    Raises:
        OSError: the disk is full or the folder is not writable; it names `path`. No temporary file is left behind.

    Example:
        >>> with replacing_path(Path("scores.npy")) as partial, open(partial, "wb") as file:
        ...     file.write(content)
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # With the process id in the name, two writers of the same file cannot mix their bytes.
    partial = path.with_name(f"{path.name}.{os.getpid()}{SUFFIX}")
    try:
        with naming(path, partial):
            yield partial
            sync(partial)
            publish(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Context manager: yields a binary file that gets the name `path` if the block ends without an exception."""
    with replacing_path(path) as partial, open(partial, "wb") as file:
        yield file


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Context manager: yields an empty folder that gets the name `path` if the block ends without an exception.

    All its files are forced to disk before it is renamed. After an exception nothing is left behind.

    Args:
        path: final name; there must be nothing of that name yet. The folder that it lies in is created if necessary.

    Yields:
        A hidden folder beside it, to which the block writes.

    Raises:
        OSError: the disk is full, the folder is not writable, or `path` is there already.

    Example:
        >>> with new_folder(Path("exported")) as partial:
        ...     shutil.copytree(version, partial, dirs_exist_ok=True)
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{SUFFIX}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with naming(path, partial):
            partial.mkdir(parents=True)
            yield partial
            for one in (*sorted(partial.rglob("*")), partial):
                sync(one)
            if os.path.lexists(path):  # a rename would replace an empty folder
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(path))
            os.rename(partial, path)
            sync(path.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def append_line(path: Path, line: bytes) -> None:
    """Append a line to a file, all of it or nothing; the file is created if necessary.

    A process that is killed, or a power failure, can leave part of the line: whoever reads such a file leaves that out.

    Raises:
        OSError: the disk is full; the message names the file, which is as it was.

    Example:
        >>> append_line(Path("history.jsonl"), b'{"step": 50}')
    """
    with naming(path), open(path, "ab", buffering=0) as file:
        before = file.tell()
        try:
            if file.write(line + b"\n") <= len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path))
        except OSError:
            file.truncate(before)
            raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically; the folder is created if necessary."""
    with replacing(path) as file:
        file.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` atomically as JSON: UTF-8, sorted keys.

    Raises:
        ValueError: `value` contains NaN or infinity, which JSON does not have.

    Example:
        >>> write_json(Path("result/metrics.json"), {"sdr": 5.2})
    """
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_bytes(path, text.encode() + b"\n")


def in_json(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a row as values that JSON can represent: NaN and infinity become None.

    Example:
        >>> in_json({"mean": 0.5, "low": float("nan")})
        {'mean': 0.5, 'low': None}
    """
    return {str(name): None if isinstance(one, float) and not isfinite(one) else one for name, one in row.items()}


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        OSError: the file is missing or cannot be read.
        InputError: its content is not JSON in UTF-8; the message names the file.
    """
    return parse_json(path.read_bytes(), path)


def parse_json(content: bytes, place: Path) -> Any:
    """Return the values in the content of a JSON file.

    Args:
        content: the content.
        place: path of the file, for the error message.

    Raises:
        InputError: it is not JSON in UTF-8.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: not readable as JSON ({error}); it is damaged, or no JSON at all") from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the content of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
