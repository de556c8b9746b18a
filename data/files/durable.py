"""Files that are whole or absent: written beside, forced to disk, renamed over.

A reader sees the old file or the new one, never half of one, whatever instant the
process is killed or the power fails at. The file is fsynced before the rename and its
folder after it: without the first the name can outlive the bytes, without the second
the name itself can be lost.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

SUFFIX = ".partial"


def sync(path: Path) -> None:
    """Force the content of a closed file, or the names in a folder, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(partial: Path, path: Path) -> None:
    """Move the finished and fsynced file `partial` to its final name."""
    os.replace(partial, path)
    sync(path.parent)


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """Hand out a path to write to; what is there takes the name `path` if the block ends well.

    Args:
        path: final name; its folder is made if need be. An older file stays until the end.

    Yields:
        A path in the same folder, for libraries that open files themselves.

    Raises:
        OSError: the disk is full or the folder cannot be written to; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process id keeps two writers of the same file from mixing their bytes.
    partial = path.with_name(f"{path.name}.{os.getpid()}{SUFFIX}")
    try:
        yield partial
        sync(partial)
        publish(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a binary file that takes the name `path` only if the block ends well (`replacing_path`)."""
    with replacing_path(path) as partial, open(partial, "wb") as file:
        yield file


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as file:
        file.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as strict JSON (no NaN), whole or not at all."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_bytes(path, text.encode() + b"\n")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file."""
    return json.loads(path.read_bytes())


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
