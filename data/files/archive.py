"""Reads the members of a .tar.gz as a stream; nothing is unpacked to disk.

Only regular files are returned, as a name and bytes; their names are never used as paths. Links, devices and FIFOs
are refused, so a malicious archive cannot write anywhere. The size of a member is known before its content is read, so
it cannot fill the memory either. (The extraction filters of Python's `tarfile` have been bypassed, CVE-2025-4517, and
`tarfile` reads extended headers of any size into memory.)

Format: POSIX.1-1988 ustar, blocks of 512 bytes. Extended headers are skipped if they only carry times or owners, and
refused if they change a name or a size (names over 100 characters, which occur in no data set used here).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

from data.errors import InputError

_BLOCK = 512
_PIPE = 1 << 20
_REGULAR, _FOLDER, _EXTENDED = b"0\0", b"5", b"xg"
_LARGEST_HEADER = 1 << 16


class BadArchive(InputError):
    """The archive is damaged, incomplete, or contains a kind of member that is not allowed."""


@dataclass(frozen=True)
class Member:
    """A regular file of an archive.

    Attributes:
        name: path inside the archive, as stored; not safe to use as a path.
        size: size in bytes.
        stream: its content; readable until the next member is requested.
    """

    name: str
    size: int
    stream: "Window"


class _Unpacked:
    """The decompressed bytes of a gzip file.

    A separate process unpacks it, because a thread would compete for the interpreter lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        command = [sys.executable, "-P", "-m", "isal.igzip", "-dc", str(path.absolute())]
        self._process = Popen(command, bufsize=_PIPE, pipesize=_PIPE, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)

    def __enter__(self) -> "_Unpacked":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end of a complete archive.

        Raises:
            BadArchive: the gzip file is damaged or truncated.
        """
        assert self._process.stdout is not None
        content = self._process.stdout.read(size)
        if len(content) < size and self._process.wait():
            assert self._process.stderr is not None
            reason = self._process.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
            raise BadArchive(f"{self._path}: damaged or cut off ({''.join(reason)}); delete it and fetch it again")
        return content


class Window:
    """The next `size` bytes of a stream, readable as a file of their own.

    Attributes:
        left: number of bytes that have not been read yet.
    """

    def __init__(self, stream: _Unpacked, size: int) -> None:
        self._stream, self.left = stream, size

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size` (all that are left if negative), b"" at the end."""
        content = self._stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(content)
        return content


def members(path: Path) -> Iterator[Member]:
    """Yield the regular files of a .tar.gz in order; content that the caller does not read is skipped.

    Raises:
        BadArchive: the file is not a gzip, is damaged or truncated (also between two members), or contains a link
            or a device.

    Example:
        >>> for member in members(Path("nsynth-test.jsonwav.tar.gz")):
        ...     content = member.stream.read()
    """
    with _Unpacked(path) as stream:
        yield from _members(stream, path)


def _members(stream: _Unpacked, path: Path) -> Iterator[Member]:
    """Parse the TAR headers in `stream` and yield the regular files; `path` is for error messages."""
    while any(header := _exactly(stream, _BLOCK, path)):
        name, size, kind = _parse(header, path)
        if kind not in _REGULAR + _FOLDER + _EXTENDED:
            raise BadArchive(f"{path}: member {name!r} is no regular file (tar type {chr(kind)!r}); refused")
        window = Window(stream, size)
        if kind in _EXTENDED:
            changes = window.read(_LARGEST_HEADER)
            if window.left or b" path=" in changes or b" size=" in changes:
                raise BadArchive(f"{path}: a name or size in an extended header; repack with tar --format=ustar")
        if kind in _REGULAR:
            yield Member(name, size, window)
        while window.left:
            if not window.read(1 << 20):
                raise BadArchive(f"{path}: cut off inside {name!r}; delete it and fetch it again")
        _exactly(stream, -size % _BLOCK, path)
    # Read to the end, so that the gzip checksum of the whole is verified.
    while stream.read(1 << 20):
        pass


def _exactly(stream: _Unpacked, size: int, path: Path) -> bytes:
    """Return exactly `size` bytes of `stream`, or raise `BadArchive` if it ends before."""
    content = stream.read(size)
    if len(content) != size:
        raise BadArchive(f"{path}: cut off between two members; delete it and fetch it again")
    return content


def _parse(header: bytes, path: Path) -> tuple[str, int, int]:
    """Return the name, size in bytes and type of a 512-byte ustar header, after checking its checksum."""
    try:
        promised, size = _octal(header[148:156]), _octal(header[124:136])
    except ValueError as error:
        raise BadArchive(f"{path}: no TAR inside (it begins with {header[:20]!r})") from error
    if sum(header) - sum(header[148:156]) + 8 * ord(" ") != promised:
        raise BadArchive(f"{path}: a TAR header does not match its checksum; delete it and fetch it again")
    name, prefix = header[:100].split(b"\0")[0], header[345:500].split(b"\0")[0]
    # GNU and older headers store other data where POSIX stores the prefix of a long name.
    full = prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name
    return full.decode("utf-8", "backslashreplace"), size, header[156]


def _octal(field: bytes) -> int:
    """Return an octal number of a header. Python's `int` would also accept a sign, and a negative size has no end.

    Raises:
        ValueError: the field contains anything but octal digits.
    """
    digits = field.strip(b"\0 ")
    if not all(byte in b"01234567" for byte in digits):
        raise ValueError(f"{digits!r} is no octal number")
    return int(digits or b"0", 8)
