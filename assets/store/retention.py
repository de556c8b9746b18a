"""Keeps the versions that something refers to; finds everything else in the store, and deletes it on request.

A version is kept, whatever its age, if a pointer names it (current, or of an experiment), if it is pinned, or if a kept
version was made from it. Everything else is garbage: other finished versions, unfinished versions, damaged versions
that were set aside, and folders that belong to no asset. A version that a process makes or reads is not deleted. A run
of the graph never deletes anything; `tessitura gc --delete` does. Where damage hides what is kept, nothing is garbage.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.store.locks import acquire
from assets.store.pointers import Slot, homes, lock_path, pointers, read_pointer, version_folder
from assets.store.record import RUN
from assets.store.versions import REASON, Version, read_recipe
from data.errors import InputError
from data.files.durable import read_json, write_json

_PARTS = {"versions", "current", "experiments", "pins", "damaged"}  # folders of an asset


@dataclass(frozen=True)
class Garbage:
    """A folder in the store that nothing refers to.

    Attributes:
        folder: path of the folder.
        why: reason why it is garbage, as text.
        bytes: total size of its files.
        in_use: whether a process makes or reads it now.
    """

    folder: Path
    why: str
    bytes: int
    in_use: bool


def pin(slot: Slot, key: str, reason: str) -> Path:
    """Pin a version, so that it is never garbage, and return the path of the file that records the pin.

    Args:
        slot: slot of the asset; its variant and experiment do not matter.
        key: key of a finished version of the asset.
        reason: why it is kept.

    Raises:
        InputError: there is no such finished version.

    Example:
        >>> pin(slot, get(slot).name, "results of the paper")
    """
    folder = version_folder(slot.home, key)
    if not ((slot.remote is not None and slot.remote.fetch(folder)) or (folder / RUN).is_file()):
        known = ", ".join(sorted(path.parent.name for path in slot.home.glob(f"versions/*/{RUN}"))) or "none"
        raise InputError(f"{slot.name}: no finished version {key!r}; there are {known}")
    path = slot.home / "pins" / f"{key}.json"
    write_json(path, {"reason": reason, "when": datetime.now(UTC).isoformat(timespec="seconds")})
    if slot.remote is not None:
        slot.remote.pin(folder, path.read_bytes())
    return path


def unpin(slot: Slot, key: str) -> None:
    """Remove the pin of a version.

    Raises:
        InputError: the version is not pinned.
    """
    path = slot.home / "pins" / f"{key}.json"
    there = slot.remote is not None and slot.remote.unpin(version_folder(slot.home, key))
    if not path.is_file() and not there:
        raise InputError(f"{slot.name}: version {key!r} is not pinned")
    path.unlink(missing_ok=True)


def kept(root: Path) -> dict[Path, list[str]]:
    """Return the folders of all versions that are kept, each with texts that name what refers to it.

    Args:
        root: folder of the store.

    Raises:
        InputError: a pointer, or the record of a kept version, cannot be read, so that it is not known what is kept.
    """
    found: dict[Path, list[str]] = {}
    todo: list[tuple[Path, str]] = []
    for home in homes(root):
        for path in pointers(home):
            if (key := read_pointer(path)) is None:
                raise InputError(
                    f"{path}: damaged, so nobody knows which version it keeps, and nothing can be deleted; materialise "
                    f"{home.parent.name}/{home.name} again, which writes it anew, or delete this file"
                )
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
    """Yield the folders of the versions that a version was made from; none if the version is not finished.

    Raises:
        InputError: its record cannot be read.
    """
    if not (folder / RUN).is_file():
        return
    try:
        origins = [root / place for place in Version(folder).record["origins"].values()]
    except (InputError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder / RUN}: damaged ({error}), so nobody knows which versions it keeps, and nothing can be deleted; "
            "materialise it again, or set it aside with: tessitura verify --set-aside"
        ) from error
    yield from origins


def garbage(root: Path, may_go_on: Callable[[Mapping[str, Any]], bool] = lambda recipe: False) -> list[Garbage]:
    """Return everything in the store that nothing refers to.

    Args:
        root: folder of the store.
        may_go_on: function that tells whether a run would resume an unfinished version now, given its recipe.json.
            Such a version is not garbage. By default no version is resumed.

    Raises:
        InputError: it is not known what is kept; see `kept`.

    Example:
        >>> for one in garbage(environment.store):
        ...     collect(environment.store, one)
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
    """Return why a version without references is garbage; "" if it is not, since a run would resume it."""
    if (folder / RUN).is_file():
        return "nothing refers to it"
    try:
        return "" if may_go_on(read_recipe(folder)) else "unfinished, and of another recipe"
    except InputError:
        return "unfinished"


def _reason(folder: Path) -> str:
    """Return why a damaged version was set aside."""
    try:
        return str(read_json(folder / REASON)["reason"])
    except (OSError, InputError, KeyError, TypeError):
        return "unknown"


def _size(folder: Path) -> int:
    """Return the total size of the files in a folder, in bytes."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() or path.is_symlink())


def _in_use(folder: Path) -> bool:
    """Return whether a process holds the lock of a version."""
    descriptor = acquire(lock_path(folder))
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def collect(root: Path, found: Garbage) -> bool:
    """Delete one folder of garbage.

    Args:
        root: folder of the store.
        found: garbage, as `garbage` returned it.

    Returns:
        False if it was not deleted, because a process uses it, something refers to it by now, or it is gone.

    Raises:
        InputError: it is not known what is kept; see `kept`.
    """
    lock = lock_path(found.folder)
    descriptor = acquire(lock)
    if descriptor is None:
        return False
    try:
        # A run may have published it, or made something from it, since `garbage` was called.
        if not found.folder.is_dir() or found.folder in kept(root):
            return False
        # run.json is deleted first, so that a partly deleted version does not count as finished.
        (found.folder / RUN).unlink(missing_ok=True)
        shutil.rmtree(found.folder)
        lock.unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return True
