"""Makes versions of assets, finds finished ones again, detects damaged files, and sets damaged versions aside.

The key of a version is a hash of everything that determines its content: the asset, the code version, the part of the
configuration, and the fingerprints of its inputs. So an unchanged asset is found finished, interrupted work finds its
own folder and resumes, and a result of other inputs is never mistaken for this one. The fingerprint of a version is a
hash of its essential files. If an input is made again with the same content, all versions made from it stay valid.

If a file of a version is missing or has changed (`assets.store.record`), the version is damaged; it is set aside with
the reason and made again. No version is deleted here.

A version that is being made has a recipe.json, which says what determines it; a finished one has a run.json instead,
which says that and everything else.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from assets.store.locks import alone
from assets.store.pointers import Slot, lock_path, version_folder
from assets.store.record import RUN, damage, measure, read_record
from data.errors import InputError
from data.execution import TEMPORARY
from data.files.checked_json import read_checked_json, write_checked_json
from data.files.durable import SUFFIX, write_json

RECIPE = "recipe.json"
REASON = "reason.json"

Summary = Mapping[str, Any]


@dataclass(frozen=True)
class Version:
    """A finished version.

    Attributes:
        folder: folder of the version.
        reused: True if it was found finished in the store, False if it was just made.

    Example:
        >>> Version(get(slot)).record["summary"]
    """

    folder: Path
    reused: bool = True

    @cached_property
    def record(self) -> dict[str, Any]:
        """Content of run.json: recipe, provenance, summary, files and so on.

        Raises:
            InputError: the version is not finished, or run.json cannot be read.
        """
        return read_record(self.folder)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over its essential files, 64 hexadecimal digits."""
        return self.record["fingerprint"]

    @property
    def key(self) -> str:
        """Key of the version, 16 hexadecimal digits; the name of its folder."""
        return self.folder.name


@dataclass(frozen=True)
class Recipe:
    """What determines the content of a version.

    Attributes:
        code_version: version of the code that makes it.
        config: values of the configuration that affect it, as JSON values (`data.configuration.decisive`).
        inputs: what it is made from, by name: the folder of a version, or the version of a source as text.
        files: names of the essential files; the fingerprint is the hash of their content.
    """

    code_version: str
    config: Any
    inputs: Mapping[str, Path | str]
    files: tuple[str, ...]

    def decides(self, asset: str) -> dict[str, Any]:
        """Return the values whose hash is the key of a version of `asset`, as JSON values."""
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
        work: function that writes the files of the version. It receives the folder, with files that an interrupted
            attempt may have left, and the folders of the other finished versions of the asset, newest first. It returns
            a summary of JSON values.
        notes: further JSON values to store in run.json, such as the provenance.
    """

    work: Callable[[Path, tuple[Path, ...]], Summary]
    notes: Mapping[str, Any]


def make(slot: Slot, recipe: Recipe, making: Making) -> Version:
    """Return the version of an asset that a recipe describes; it is made if it is missing or damaged.

    The version is not published: it does not become the valid version of the slot.

    Args:
        slot: slot of the asset.
        recipe: what determines the content of the version.
        making: how the version is made.

    Raises:
        InputError: another process is making the version, or an input is not finished. In a shared store, also if the
            process is on another machine, or another machine has taken over.
        RuntimeError: the work did not write an essential file.

    Example:
        >>> recipe = Recipe("3f2a9c01d4e6b870", {"steps": 100}, {"nsynth_shards": shards}, ("model.safetensors",))
        >>> version = make(slot, recipe, Making(work, notes={}))
        >>> publish(slot, version.folder)
    """
    decides = recipe.decides(slot.asset)
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]
    folder = version_folder(slot.home, key)
    shared = slot.remote
    if (shared is None or shared.fetch(folder)) and (folder / RUN).is_file() and damage(folder) is None:
        return Version(folder)
    making_it = nullcontext() if shared is None else shared.making(slot, folder)
    with alone(lock_path(folder), f"{folder} ({slot.name})"), making_it:
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
    """Delete partly written files of a killed process, do the work, then write run.json.

    Args:
        folder: folder of the version.
        described: content of recipe.json.
        essential: names of the essential files.
        work: function that writes the files (`Making.work`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_checked_json(folder / RECIPE, described)
    for partial in folder.rglob(f"*{SUFFIX}"):
        partial.unlink()
    start = time.monotonic()
    summary = work(folder, _finished(folder))
    if missing := [name for name in essential if not (folder / name).is_file()]:
        raise RuntimeError(f"{folder}: {', '.join(missing)} should have been written")
    files = {path.relative_to(folder).as_posix(): measure(path) for path in _files(folder)}
    hashes = {name: files[name]["sha256"] for name in essential}
    record = {
        **described,
        "fingerprint": hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest(),
        "summary": summary,
        "seconds": time.monotonic() - start,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "files": files,
    }
    write_checked_json(folder / RUN, record)
    for path in (folder / RECIPE, *folder.glob(TEMPORARY)):
        path.unlink()


def _finished(folder: Path) -> tuple[Path, ...]:
    """Return the other versions of the asset that are finished and whole, newest first."""
    others = [one for one in folder.parent.iterdir() if one != folder and (one / RUN).is_file()]
    found = [one for one in others if damage(one) is None]
    return tuple(sorted(found, key=lambda one: (one / RUN).stat().st_mtime_ns, reverse=True))


def _files(folder: Path) -> list[Path]:
    """Return the files of a version, sorted, without recipe.json, run.json and temporary files."""
    own = {folder / RUN, folder / RECIPE}
    temporary = set(folder.glob(TEMPORARY))
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and path not in own | temporary]


def read_recipe(folder: Path) -> dict[str, Any]:
    """Return the content of recipe.json of an unfinished version: what determines it, and its provenance.

    Raises:
        InputError: the file cannot be read, or is not what was written.
    """
    path = folder / RECIPE
    try:
        return read_checked_json(path)
    except InputError as error:
        raise InputError(f"{path}: cannot be read ({error}); materialise the asset again") from error


def set_aside(folder: Path, reason: str) -> Path:
    """Move a damaged version to the folder "damaged" of its asset, record the reason, and return the new folder.

    Raises:
        InputError: another process reads or makes the version.
    """
    with alone(lock_path(folder), str(folder)):
        return _set_aside(folder, reason)


def _set_aside(folder: Path, reason: str) -> Path:
    """Do what `set_aside` does, while the lock of the version is held."""
    target, number = folder.parent.parent / "damaged", 1
    while (place := target / f"{folder.name}-{number}").exists():
        number += 1
    target.mkdir(exist_ok=True)
    os.replace(folder, place)
    write_json(place / REASON, {"reason": reason, "when": datetime.now(UTC).isoformat(timespec="seconds")})
    return place
