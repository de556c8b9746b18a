"""Versions made, found again, judged by their files, set aside.

The key of a version is the hash of everything that decides its content: the asset, the version of its code,
its configuration and the fingerprints of what it is made from. So an asset of which nothing has changed is
found finished, work that was cut off is found where it stopped, and a result of other inputs is never
mistaken for this one. The fingerprint of a version is a hash of its essential files: what comes out the same
leaves everything made from it as it is.

A version is judged by the files that its run.json records. Files that came from elsewhere (`.DS_Store`, a
note) are ignored. A version of which a recorded file is gone or changed is set aside with the reason and made
afresh; nothing is deleted here.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from assets.store.locks import alone
from assets.store.pointers import RUN, Slot, lock_path, version_folder
from data.errors import InputError
from data.execution import TEMPORARY
from data.files.durable import SUFFIX, file_sha256, read_json, write_json

RECIPE = "recipe.json"
REASON = "reason.json"

Summary = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """A finished version: its folder, and whether it was found finished rather than made."""

    folder: Path
    reused: bool = True

    @cached_property
    def record(self) -> dict[str, Any]:
        """What run.json says.

        Raises:
            InputError: the version is not finished, or run.json cannot be read.
        """
        path = self.folder / RUN
        try:
            return dict(read_json(path))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path}: no finished version ({error}); materialise the asset again") from error

    @property
    def fingerprint(self) -> str:
        """The hash of its essential files."""
        return self.record["fingerprint"]

    @property
    def key(self) -> str:
        """Its name among the versions of the asset."""
        return self.folder.name


@dataclass(frozen=True)
class Recipe:
    """What decides the content of a version.

    Attributes:
        code_version: of the code that makes it.
        config: the deciding configuration as plain values (`data.configuration.decisive`).
        inputs: what it is made from, by name: the folder of a version, or the version of a source as text.
        files: the files whose bytes are its fingerprint.
    """

    code_version: str
    config: Any
    inputs: Mapping[str, Path | str]
    files: tuple[str, ...]

    def decides(self, asset: str) -> dict[str, Any]:
        """Return what the key of a version of `asset` is made of, as plain values."""
        return {
            "asset": asset,
            "code_version": self.code_version,
            "config": self.config,
            "inputs": {
                name: Version(one).fingerprint if isinstance(one, Path) else one for name, one in self.inputs.items()
            },
        }


@dataclass(frozen=True)
class Making:
    """How a version is made.

    Attributes:
        work: is given the folder of the version, with what an earlier attempt left in it, and the finished
            versions of the same asset, newest first; it returns a summary of plain values.
        notes: plain values to be kept in run.json beside the summary, such as the provenance.
    """

    work: Callable[[Path, tuple[Path, ...]], Summary]
    notes: Mapping[str, Any]


def make(slot: Slot, recipe: Recipe, making: Making) -> Version:
    """Return the version of an asset that `recipe` describes, made if it is not there. It is not published.

    Raises:
        InputError: another process is making it, or an input is not finished.
    """
    decides = recipe.decides(slot.asset)
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
    folder = version_folder(slot.home, key)
    if (folder / RUN).is_file() and damage(folder) is None:
        return Version(folder)
    with alone(lock_path(folder), f"{folder} ({slot.name})"):
        if (folder / RUN).is_file():
            if (reason := damage(folder)) is None:
                return Version(folder)
            _set_aside(folder, reason)
        origins = {
            name: one.relative_to(slot.root).as_posix() for name, one in recipe.inputs.items() if isinstance(one, Path)
        }
        _run(folder, {**decides, "origins": origins, **making.notes}, recipe.files, making.work)
    return Version(folder, reused=False)


def _run(
    folder: Path,
    described: dict[str, Any],
    essential: tuple[str, ...],
    work: Callable[[Path, tuple[Path, ...]], Summary],
) -> None:
    """Clear what a killed writer left half written, work, then write run.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RECIPE, described)
    for leaving in folder.rglob(f"*{SUFFIX}"):
        leaving.unlink()
    start = time.monotonic()
    summary = work(folder, _finished(folder))
    if missing := [name for name in essential if not (folder / name).is_file()]:
        raise RuntimeError(f"{folder}: {', '.join(missing)} should have been written")
    files = {path.relative_to(folder).as_posix(): _measured(path) for path in _files(folder)}
    hashes = {name: files[name]["sha256"] for name in essential}
    record = {
        **described,
        "fingerprint": hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest(),
        "summary": summary,
        "seconds": time.monotonic() - start,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
    }
    write_json(folder / RUN, record)
    for path in folder.glob(TEMPORARY):
        path.unlink()


def _finished(folder: Path) -> tuple[Path, ...]:
    """Return the other versions of the asset that are finished, newest first."""
    found = [one for one in folder.parent.iterdir() if one != folder and (one / RUN).is_file()]
    return tuple(sorted(found, key=lambda one: (one / RUN).stat().st_mtime_ns, reverse=True))


def _files(folder: Path) -> list[Path]:
    """Return the files of a version, sorted."""
    own = {folder / RUN, folder / RECIPE}
    temporary = set(folder.glob(TEMPORARY))
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in own | temporary]


def _measured(path: Path) -> dict[str, Any]:
    """Return what a file is known by: its size and time of change, and the hash of its content."""
    found = path.stat()
    return {"bytes": found.st_size, "modified_ns": found.st_mtime_ns, "sha256": file_sha256(path)}


def damage(folder: Path, *, thorough: bool = False) -> str | None:
    """Return why a finished version is no longer what was made, None if it is.

    Size and time of change of every recorded file are compared; where the time differs, or with `thorough`
    everywhere, the content is.
    """
    try:
        files = Version(folder).record["files"]
        for name, known in files.items():
            found = (folder / name).stat()
            if found.st_size != known["bytes"]:
                return f"{name}: {found.st_size} bytes where {known['bytes']} were written"
            changed = thorough or found.st_mtime_ns != known["modified_ns"]
            if changed and file_sha256(folder / name) != known["sha256"]:
                return f"{name}: its content is not what was written"
    except FileNotFoundError as error:
        return f"{Path(error.filename).relative_to(folder)}: is gone"
    except (OSError, InputError, KeyError, TypeError, AttributeError) as error:
        return f"{RUN}: cannot be read ({error})"
    return None


def read_recipe(folder: Path) -> dict[str, Any]:
    """Return what is known of a version, be it finished or not: what decides it, and its provenance.

    Raises:
        InputError: nothing can be read there.
    """
    path = folder / RECIPE
    try:
        return dict(read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); materialise the asset again") from error


def set_aside(folder: Path, reason: str) -> Path:
    """Move a version that is not what was made out of the way, with the reason, and return where it is now.

    Raises:
        InputError: another process reads or makes it.
    """
    with alone(lock_path(folder), str(folder)):
        return _set_aside(folder, reason)


def _set_aside(folder: Path, reason: str) -> Path:
    target, number = folder.parent.parent / "damaged", 1
    while (place := target / f"{folder.name}-{number}").exists():
        number += 1
    target.mkdir(exist_ok=True)
    os.replace(folder, place)
    write_json(place / REASON, {"reason": reason, "when": datetime.now(UTC).isoformat(timespec="seconds")})
    return place
