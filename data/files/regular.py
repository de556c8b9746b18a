"""Opens files that come from anywhere: regular files only, without waiting, and no larger than a limit.

A path from a folder of a user can be a pipe that nobody writes to, a device, a folder with the name of a sound, a link
to nothing, or a file of a terabyte of zeros. All of these, and every error of the operating system, raise
`UnreadableFile` with one line that names the file.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from data.errors import InputError

# Folders that macOS (in zips) and Synology put beside files; their content has the names of the files.
_CLUTTER = frozenset({"__MACOSX", "@eaDir"})
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class UnreadableFile(InputError):
    """A file cannot be read, or is no regular file."""


class MissingFile(UnreadableFile):
    """There is no such file, or it is a link to nothing."""


def open_regular(path: Path, largest: int | None = None) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    Args:
        path: the file.
        largest: largest size in bytes that is accepted; None accepts any size.

    Raises:
        MissingFile: there is no such file, or it is a link to nothing; the message names it.
        UnreadableFile: it is no regular file, is larger, or cannot be opened; the message names it.

    Example:
        >>> with open_regular(Path("song.wav")) as file:
        ...     begin = file.read(12)
    """
    name = printable(path)
    try:
        _check_kind(os.stat(path), name)  # before opening: to open a device can change it
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError as error:
        missing = "a link to a file that is not there" if path.is_symlink() else "no such file"
        raise MissingFile(f"{name}: {missing}") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UnreadableFile(f"{name}: cannot be opened ({reason(error)})") from error
    file = os.fdopen(descriptor, "rb")
    try:
        found = os.fstat(descriptor)
        _check_kind(found, name)  # again: the file may have been exchanged meanwhile
        if largest is not None and found.st_size > largest:
            raise UnreadableFile(f"{name}: {found.st_size:,} bytes; at most {largest:,} are read")
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: Path, largest: int) -> bytes:
    """Return the content of a regular file of at most `largest` bytes.

    Raises:
        MissingFile: there is no such file, or it is a link to nothing; the message names it.
        UnreadableFile: it is no regular file, is larger, or cannot be read; the message names it.

    Example:
        >>> content = read_regular(Path("note.wav"), largest=1 << 20)
    """
    with open_regular(path, largest) as file:
        try:
            content = file.read(largest + 1)
        except OSError as error:
            raise UnreadableFile(f"{printable(path)}: cannot be read ({reason(error)})") from error
    if len(content) > largest:  # it grew after it was opened
        raise UnreadableFile(f"{printable(path)}: more than {largest:,} bytes")
    return content


def printable(path: Path | str) -> str:
    r"""Return a path as text that can be encoded as UTF-8: bytes of the name that are not UTF-8 become `\xff`.

    Example:
        >>> printable(os.fsdecode(b"no\xffte.wav"))
        'no\\xffte.wav'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def reason(error: Exception) -> str:
    """Return the reason that an error gives, without the path of the file."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def is_clutter(path: Path | str) -> bool:
    """Return whether a relative path is none of the user's files: hidden, or made by macOS or Synology beside them.

    macOS keeps a twin of each file, `._name`, in zips below `__MACOSX`; it has the name of a sound, but is none.

    Example:
        >>> is_clutter("__MACOSX/train/._song.wav"), is_clutter("train/song.wav")
        (True, False)
    """
    parts = Path(path).parts
    return any(part in _CLUTTER or (part.startswith(".") and part not in (".", "..")) for part in parts)


def _check_kind(found: os.stat_result, name: str) -> None:
    """Raise `UnreadableFile` if a path is no regular file."""
    if not stat.S_ISREG(found.st_mode):
        kind = next((text for is_kind, text in _KINDS if is_kind(found.st_mode)), "no file")
        raise UnreadableFile(f"{name}: is {kind}, not a regular file")
