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
    """There is no such file."""


def open_regular(path: Path, largest: int | None = None) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    Args:
        path: the file.
        largest: largest size in bytes that is accepted; None accepts any size.

    Raises:
        MissingFile: there is no such file; the message names it.
        UnreadableFile: it is a link to nothing, no regular file, larger, or cannot be opened; the message names it.

    Example:
        >>> with open_regular(Path("song.wav")) as file:
        ...     begin = file.read(12)
    """
    name = printable(path)
    try:
        kind = os.stat(path)
        # Nothing else is opened: opening a device can change it.
        regular = stat.S_ISREG(kind.st_mode)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY) if regular else -1
    except FileNotFoundError as error:
        if os.path.islink(path):
            raise UnreadableFile(f"{name}: a link to a file that is not there") from error
        raise MissingFile(f"{name}: no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UnreadableFile(f"{name}: cannot be opened ({reason(error)})") from error
    if descriptor < 0:
        raise _no_regular_file(kind, name)
    file = os.fdopen(descriptor, "rb")
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):  # it was exchanged meanwhile
            raise _no_regular_file(found, name)
        if largest is not None and found.st_size > largest:
            raise UnreadableFile(f"{name}: {found.st_size:,} bytes; at most {largest:,} are read")
    except BaseException:
        file.close()
        raise
    return file


def read_regular(path: Path, largest: int) -> bytes:
    """Return the content of a regular file of at most `largest` bytes.

    Raises:
        MissingFile: there is no such file; the message names it.
        UnreadableFile: it is a link to nothing, is no regular file, is larger, or cannot be read; the message names it.

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


def without_name(error: UnreadableFile, path: Path) -> UnreadableFile:
    """Return an error without the path in front of its reason, for messages that name the file in another way.

    Example:
        >>> str(without_name(UnreadableFile("a/b.wav: empty file"), Path("a/b.wav")))
        'empty file'
    """
    return type(error)(str(error).removeprefix(f"{printable(path)}: "))


def printable(path: Path | str) -> str:
    r"""Return a path as text that can be encoded as UTF-8: bytes of the name that are not UTF-8 become `\xff`.

    Example:
        >>> printable(os.fsdecode(b"no\xffte.wav"))
        'no\\xffte.wav'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def state(path: Path) -> str:
    """Return size and time of change of a file, or why they cannot be told, as text: it changes when the file does."""
    try:
        found = os.stat(path)
    except OSError as error:
        return reason(error)
    return f"{found.st_size} {found.st_mtime_ns}"


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


def _no_regular_file(found: os.stat_result, name: str) -> UnreadableFile:
    """Return the error that says what a path is instead of a regular file."""
    kind = next((text for is_kind, text in _KINDS if is_kind(found.st_mode)), "something else")
    return UnreadableFile(f"{name}: is {kind}, not a regular file")
