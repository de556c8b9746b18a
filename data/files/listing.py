"""Lists the files below a folder, following links, and pairs files by their names."""

import os
import unicodedata
from collections.abc import Collection, Iterator
from pathlib import Path

from data.errors import InputError
from data.files.regular import is_clutter, printable


def files_below(folder: Path) -> Iterator[Path]:
    """Yield everything below `folder` that is no folder, as the folder names it, sorted within each folder.

    Left out is what is hidden, or made by macOS and Synology (`regular.is_clutter`). Links to files and to folders are
    followed. A folder that is reached a second time, also by a link to a folder above it, is not read again, so that
    loops end and no file is found twice. Pipes, links to nothing and folders that cannot be read are yielded too: who
    opens them is told the reason (`regular.open_regular`).

    Example:
        >>> names = [path.name for path in files_below(Path("voices"))]
    """
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            found = here.stat()
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
            with os.scandir(here) as entries:
                inside = sorted(one.name for one in entries if not is_clutter(one.name))
        except OSError:
            if here != folder:
                yield here
                continue
            raise
        paths = [here / name for name in inside]
        yield from (path for path in paths if not os.path.isdir(path))
        waiting += [path for path in reversed(paths) if os.path.isdir(path)]


def plain_name(path: Path | str) -> str:
    """Return a relative path as names are compared: Unicode form NFC, "/" between folders, printable.

    Example:
        >>> plain_name("Zoe\u0308.wav") == "Zo\u00eb.wav"
        True
    """
    return unicodedata.normalize("NFC", printable(path))


def sounds_by_name(folder: Path, suffixes: Collection[str], *, deep: bool = False) -> dict[str, Path]:
    """Return the files of some kinds in a folder by their names without ending (`plain_name`), sorted.

    Pipes and links to nothing are among them, so that who opens them is told the reason.

    Args:
        folder: the folder.
        suffixes: endings of names, in small letters, such as ".wav".
        deep: whether files in subfolders are looked for too; their names then begin with those of the folders.

    Raises:
        InputError: there is no such folder, it holds no such file, or two files have the same name.

    Example:
        >>> sounds_by_name(Path("notes"), {".wav", ".flac"})
        {'organ-060-100': PosixPath('notes/organ-060-100.wav')}
    """
    if not folder.is_dir():
        raise InputError(f"{printable(folder)}: no such folder")
    found: dict[str, Path] = {}
    for path in sorted(files_below(folder)):
        inside = path.relative_to(folder)
        if path.suffix.lower() not in suffixes or not (deep or len(inside.parts) == 1):
            continue
        name = plain_name(inside.with_suffix(""))
        if name in found:
            raise InputError(f"{printable(path)}: {printable(found[name])} has the same name; remove one of them")
        found[name] = path
    if not found:
        raise InputError(f"{printable(folder)}: no files inside that end with {', '.join(sorted(suffixes))}")
    return dict(sorted(found.items()))
