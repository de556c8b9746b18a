"""Compares the content of all files of a store with what was recorded when they were written."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assets.store.locks import reading
from assets.store.pointers import homes, lock_path, pointers, read_pointer, version_folder
from assets.store.record import RUN, damaged_files


@dataclass(frozen=True)
class Verified:
    """What was found of a version, or of a pointer to one.

    Attributes:
        place: folder of the version, or path of the pointer; of a bucket, its URL.
        damage: a text for each damaged file, with what is wrong with it; empty if all is as it was written.
    """

    place: Path | str
    damage: list[str]


def verify(root: Path, *, with_pointers: bool = True) -> Iterator[Verified]:
    """Read every file of all finished versions in a store, and all pointers, and yield what was found of each.

    No version is deleted while it is read. Nothing is changed. It takes as long as the disk needs to read the store.

    Args:
        root: folder of the store.
        with_pointers: whether a pointer that names no version here is damage; not so in the copies of a shared store.

    Raises:
        InputError: another process changes a version just now.

    Example:
        >>> [one.damage for one in verify(environment.store) if one.damage]
        [['model.safetensors: its content is not what was written']]
    """
    for home in homes(root):
        for path in pointers(home) if with_pointers else ():
            yield Verified(path, _astray(home, path))
        for folder in sorted(path.parent for path in home.glob(f"versions/*/{RUN}")):
            with reading([lock_path(folder)]):
                found = damaged_files(folder, thorough=True) if folder.is_dir() else []  # unless deleted meanwhile
            yield Verified(folder, found)  # after the lock, so that it can be set aside


def _astray(home: Path, pointer: Path) -> list[str]:
    """Return what is wrong with a pointer, as a list of at most one text."""
    key = read_pointer(pointer)
    if key is None:
        return [f"{pointer.name}: holds no key of a version"]
    found = (version_folder(home, key) / RUN).is_file()
    return [] if found else [f"{pointer.name}: names {key}, which is no finished version"]
