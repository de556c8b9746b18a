"""What is referred to and stays, what is not and may be collected. Nothing is ever collected by a run.

A version stays, whatever its age, if a pointer names it (current, or of an experiment), if it is pinned, or if
a version that stays was made from it. Everything else is garbage: other finished versions, unfinished ones,
damaged ones that were set aside, and folders that are no assets. What a process makes or reads is left alone.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.store.locks import acquire
from assets.store.pointers import RUN, Slot, homes, lock_path, pointers, read_pointer, version_folder
from assets.store.versions import REASON, RECIPE, Version
from data.errors import InputError
from data.files.durable import read_json, write_json

_PARTS = {"versions", "current", "experiments", "pins", "damaged"}  # folders of an asset


@dataclass(frozen=True)
class Garbage:
    """Something that nothing refers to.

    Attributes:
        folder: where it lies.
        why: what it is.
        bytes: how much its deletion frees.
        in_use: whether a process makes or reads it now.
    """

    folder: Path
    why: str
    bytes: int
    in_use: bool


def pin(slot: Slot, key: str, reason: str) -> Path:
    """Pin a version, so that it stays whatever happens, and return the file that says so.

    Raises:
        InputError: there is no such version.
    """
    if not (version_folder(slot.home, key) / RUN).is_file():
        known = ", ".join(sorted(path.parent.name for path in slot.home.glob(f"versions/*/{RUN}"))) or "none"
        raise InputError(f"{slot.name}: no finished version {key!r}; there are {known}")
    path = slot.home / "pins" / f"{key}.json"
    write_json(path, {"reason": reason, "when": datetime.now(UTC).isoformat(timespec="seconds")})
    return path


def unpin(slot: Slot, key: str) -> None:
    """Take a pin away.

    Raises:
        InputError: the version is not pinned.
    """
    path = slot.home / "pins" / f"{key}.json"
    if not path.is_file():
        raise InputError(f"{slot.name}: version {key!r} is not pinned")
    path.unlink()


def kept(root: Path) -> dict[Path, list[str]]:
    """Return the version folders that stay, with what refers to each, in words."""
    found: dict[Path, list[str]] = {}
    todo: list[tuple[Path, str]] = []
    for home in homes(root):
        for path in pointers(home):
            if (key := read_pointer(path)) is not None:
                todo.append((version_folder(home, key), path.relative_to(home).as_posix()))
        todo += [(version_folder(home, path.stem), "pinned") for path in sorted(home.glob("pins/*.json"))]
    while todo:
        folder, why = todo.pop()
        if folder.is_dir():
            first = folder not in found
            found.setdefault(folder, []).append(why)
            if first:
                todo += [(origin, f"{folder.parent.parent.name} {folder.name} is made from it")
                         for origin in _origins(root, folder)]  # fmt: skip
    return found


def _origins(root: Path, folder: Path) -> Iterator[Path]:
    """Yield the versions that a version was made from."""
    try:
        origins = Version(folder).record["origins"]
    except (InputError, KeyError):
        return
    for place in origins.values():
        yield root / place


def garbage(root: Path, may_go_on: Callable[[Mapping[str, Any]], bool] = lambda recipe: False) -> list[Garbage]:
    """Return everything in the store that nothing refers to.

    Args:
        root: of the store.
        may_go_on: is given the recipe of an unfinished version and tells whether a run would go on with it now;
            such a one is not garbage.
    """
    stay, found = kept(root), []
    for home in homes(root):
        for folder in sorted(path for path in (home / "versions").iterdir() if path.is_dir()):
            if folder not in stay and (why := _why(folder, may_go_on)):
                found.append(Garbage(folder, why, _size(folder), in_use=_in_use(folder)))
        for folder in sorted(home.glob("damaged/*")):
            found.append(Garbage(folder, f"damaged: {_reason(folder)}", _size(folder), in_use=False))
        for folder in sorted(path for path in home.iterdir() if path.is_dir() and path.name not in _PARTS):
            found.append(Garbage(folder, "no part of this store", _size(folder), in_use=False))
    known = set(homes(root))
    for folder in sorted(path for path in root.glob("*/*") if path.is_dir() and path not in known):
        found.append(Garbage(folder, "no asset of this store", _size(folder), in_use=False))
    return found


def _why(folder: Path, may_go_on: Callable[[Mapping[str, Any]], bool]) -> str:
    """Return what an unreferenced version is, "" if a run would go on with it."""
    if (folder / RUN).is_file():
        return "nothing refers to it"
    try:
        recipe = read_json(folder / RECIPE)
        return "" if may_go_on(recipe) else "unfinished, and of another recipe"
    except (OSError, ValueError):
        return "unfinished"


def _reason(folder: Path) -> str:
    try:
        return str(read_json(folder / REASON)["reason"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _in_use(folder: Path) -> bool:
    descriptor = acquire(lock_path(folder))
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def collect(root: Path, found: Garbage) -> bool:
    """Delete one piece of garbage; return False, and leave it, if a process uses it or something refers to it now."""
    lock = lock_path(found.folder)
    descriptor = acquire(lock)
    if descriptor is None:
        return False
    try:
        # A run may have published it, or made something from it, since it was looked at.
        if not found.folder.is_dir() or found.folder in kept(root):
            return False
        # run.json first: from then on the folder no longer passes for finished.
        (found.folder / RUN).unlink(missing_ok=True)
        shutil.rmtree(found.folder)
        lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return True
