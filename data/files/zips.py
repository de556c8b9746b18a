"""Reads the files of a zip archive; nothing is unpacked to disk.

Whatever is wrong with one member (a bad checksum, encryption, a size beyond the limit, a damaged header) is an error of
that member alone.
"""

import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from data.errors import InputError
from data.files.regular import MissingFile, UnreadableFile, is_clutter, open_regular, printable, reason

_UTF8 = 0x800  # flag of a member whose name is UTF-8
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, RuntimeError, OSError,
    ValueError, OverflowError, MemoryError,
)  # fmt: skip


class Zip:
    """An open zip archive. Its list of members is read once. Safe to share between threads.

    Attributes:
        path: the archive.
    """

    def __init__(self, path: Path) -> None:
        """Open the archive.

        Raises:
            InputError: it is no zip archive, or damaged; the message names it.
        """
        self.path = path
        file = open_regular(path)
        try:
            self._zip = zipfile.ZipFile(file)
        except _DAMAGE as error:
            file.close()
            raise InputError(
                f"{printable(path)}: no zip archive ({reason(error)}); delete it and fetch it again"
            ) from error
        self._members = {_name(one): one for one in self._zip.infolist() if not one.filename.endswith("/")}
        self._members = {name: one for name, one in self._members.items() if not is_clutter(name)}

    @property
    def names(self) -> Collection[str]:
        """Paths of the files inside, without folders and without what macOS adds; not safe to use as paths."""
        return self._members.keys()

    def read(self, name: str, largest: int) -> bytes:
        """Return the content of a file.

        Args:
            name: its path inside the archive.
            largest: largest size in bytes, unpacked, that is read.

        Raises:
            MissingFile: there is no such file inside.
            UnreadableFile: it is damaged, encrypted or larger; the message says which and names the archive.
        """
        if (member := self._members.get(name)) is None:
            raise MissingFile(f"{self.path.name}: no {name} inside")
        if member.file_size > largest:
            raise UnreadableFile(f"{member.file_size:,} bytes in {self.path.name}; at most {largest:,} are read")
        try:
            with self._zip.open(member) as file:
                return file.read(largest + 1)  # the module stops at the size that the archive states
        except _DAMAGE as error:
            raise UnreadableFile(f"damaged in {self.path.name}: {reason(error)}") from error


def open_zip(path: Path) -> Zip:
    """Return an open zip archive; the same one as long as the file does not change, so that its list is read once.

    Raises:
        InputError: there is no such file, it is no zip archive, or damaged; the message names it.

    Example:
        >>> archive = open_zip(Path("musdb18hq.zip"))
        >>> vocals = archive.read("train/A - B/vocals.wav", largest=1 << 30)
    """
    with open_regular(path) as file:
        found = os.fstat(file.fileno())
    return _opened(path, found.st_size, found.st_mtime_ns)


@lru_cache(maxsize=2)
def _opened(path: Path, size: int, changed: int) -> Zip:
    """Return an open zip archive; `size` in bytes and `changed` in ns tell a changed file from the one before."""
    del size, changed
    return Zip(path)


def _name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member. macOS writes UTF-8 without the flag that says so, which `zipfile` reads as CP437."""
    if member.flag_bits & _UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename
