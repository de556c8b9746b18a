"""The store: a folder per asset and partition, versioned by what it was made from.

    store/synthesis_model/spectral/
        current            the key of the published version
        3f2a…/             one version: the asset's files, and run.json, written last
        .lock              held while a version is being made

The key of a version is the hash of everything that decides its content: the asset, its code
version, its configuration and the fingerprints of the folders it is made from. So an asset
whose inputs have not changed is found finished, work that was cut off is found where it
stopped, and a result of other inputs is never mistaken for this one. What is published is
whole: readers follow `current`, which changes in one rename.
"""

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from assets.provenance import provenance
from data.errors import InputError
from data.files.durable import SUFFIX, file_sha256, read_json, write_bytes, write_json

RUN = "run.json"
_DAMAGED = "damaged.json"
_KEPT_VERSIONS = 2


@dataclass(frozen=True)
class Recipe:
    """What decides the content of an asset.

    Attributes:
        config: plain values or a dataclass.
        inputs: the folders it is made from, by name.
        essence: the files whose bytes are its fingerprint.
    """

    config: Any
    inputs: Mapping[str, Path]
    essence: tuple[str, ...]


@dataclass(frozen=True)
class Version:
    """A finished version of an asset."""

    folder: Path
    facts: dict[str, Any]
    reused: bool

    @property
    def fingerprint(self) -> str:
        return self.facts["fingerprint"]


def fingerprint(folder: Path) -> str:
    """Return the fingerprint of a finished version.

    Raises:
        InputError: the folder is not finished.
    """
    path = folder / RUN
    if not path.is_file():
        raise InputError(f"{folder}: not finished; materialise the asset again")
    return read_json(path)["fingerprint"]


def published(home: Path) -> Path | None:
    """Return the folder of the published version of an asset, or None."""
    pointer = home / "current"
    if not pointer.is_file():
        return None
    folder = home / pointer.read_text().strip()
    return folder if (folder / RUN).is_file() else None


class Store(dg.ConfigurableResource):
    """Where assets live.

    Attributes:
        root: the folder that holds a folder per asset.
    """

    root: str

    def home(self, name: str, partition: str | None = None) -> Path:
        """Return the folder of an asset, or of one of its partitions."""
        return Path(self.root, name, *([partition] if partition else []))

    def current(self, name: str, partition: str | None = None) -> Path:
        """Return the published folder of an asset.

        Raises:
            InputError: it has not been materialised here.
        """
        folder = published(self.home(name, partition))
        if folder is None:
            asked = "/".join([name, *([partition] if partition else [])])
            raise InputError(f"{asked} has not been materialised in {self.root}; materialise it first")
        return folder

    def make(
        self,
        name: str,
        partition: str | None,
        code_version: str,
        recipe: Recipe,
        work: Callable[[Path], dict[str, Any]],
    ) -> Version:
        """Return the version of an asset that `recipe` describes, made by `work` if it is not there.

        Args:
            name: the asset.
            partition: of it, or None.
            code_version: of the code that makes it.
            recipe: what it is made of.
            work: is given the version's folder, with what an earlier attempt left in it, and
                returns a summary of plain values.

        Raises:
            InputError: another process is making this asset, or an input is unfinished.
        """
        home = self.home(name, partition)
        described = {
            "asset": name,
            "code_version": code_version,
            "config": plain(recipe.config),
            "inputs": {one: fingerprint(folder) for one, folder in recipe.inputs.items()},
        }
        # The partition is no part of it: where two come to the same, one serves both.
        key = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
        folder = home / key
        with _locked(home):
            reused = _is_whole(folder, recipe.essence) or _linked(self.home(name), folder, recipe.essence)
            if not reused:
                _run(folder, described, recipe.essence, work)
            write_bytes(home / "current", key.encode())
            _prune(home, folder)
        return Version(folder, read_json(folder / RUN), reused)


def discard(folder: Path) -> None:
    """Give a finished version up: it counts as never made, and the next run begins it afresh."""
    os.replace(folder / RUN, folder / _DAMAGED)


def _is_whole(folder: Path, essence: tuple[str, ...]) -> bool:
    """Tell whether a version is finished and its files are still what they were.

    Essential files by content, all by size: a shard that is gone or cut is noticed at once.
    """
    if not (folder / RUN).is_file():
        return False
    facts = read_json(folder / RUN)
    return facts["files"] == _sizes(folder) and facts["fingerprint"] == _fingerprint(folder, essence)


def _sizes(folder: Path) -> dict[str, int]:
    """Return the size of every file of a version but its run.json and checkpoints."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RUN and not path.name.startswith("step-")
    }


def _linked(asset: Path, folder: Path, essence: tuple[str, ...]) -> bool:
    """Take over the same version from another partition of the asset, if one has it."""
    for other in asset.glob(f"*/{folder.name}"):
        if other != folder and _is_whole(other, essence):
            shutil.rmtree(folder, ignore_errors=True)
            partial = folder.with_name(folder.name + SUFFIX)
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(other, partial, copy_function=os.link)
            os.replace(partial, folder)
            return True
    return False


def _fingerprint(folder: Path, essence: tuple[str, ...]) -> str | None:
    """Return the hash of the essential files, None if one is missing."""
    if not all((folder / name).is_file() for name in essence):
        return None
    hashes = {name: file_sha256(folder / name) for name in essence}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def _run(
    folder: Path, described: dict[str, Any], essence: tuple[str, ...], work: Callable[[Path], dict[str, Any]]
) -> None:
    """Make a version: clear a killed writer's leavings, work, then write run.json."""
    if (folder / RUN).is_file() or (folder / _DAMAGED).is_file():
        shutil.rmtree(folder)  # finished once and no longer whole: nothing in it can be trusted
    folder.mkdir(parents=True, exist_ok=True)
    for leaving in folder.glob(f"*{SUFFIX}"):
        leaving.unlink()
    start = time.monotonic()
    summary = work(folder)
    made = _fingerprint(folder, essence)
    if made is None:
        raise RuntimeError(f"{folder}: {', '.join(essence)} should have been written")
    facts = {**described, "fingerprint": made, "summary": summary, "seconds": time.monotonic() - start}
    write_json(folder / RUN, {**facts, "files": _sizes(folder), "provenance": provenance()})
    for checkpoint in folder.glob("step-*"):  # only of use until the version is finished
        checkpoint.unlink()


def _prune(home: Path, folder: Path) -> None:
    """Delete all but the newest versions; the one just made is always kept."""
    versions = [one for one in home.iterdir() if one.is_dir() and (one / RUN).is_file() and one != folder]
    versions.sort(key=lambda one: (one / RUN).stat().st_mtime, reverse=True)
    for one in versions[_KEPT_VERSIONS - 1 :]:
        # run.json first: from then on the folder no longer passes for finished.
        (one / RUN).unlink()
        shutil.rmtree(one)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Hold the asset's lock; the system releases it when the process ends, however it ends.

    Raises:
        InputError: another process holds it; the message says which.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise InputError(
                f"{home}: process {holder} is making this asset already; wait for it or stop it"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def plain(value: Any) -> Any:
    """Return a configuration, or several of them, as plain JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


class FolderInputs(dg.ConfigurableIOManager):
    """Hands an asset the folders of its upstream assets: parameter names are the lineage.

    An unpartitioned asset downstream of partitions gets the folder that holds them all.
    """

    root: str

    def load_input(self, context: dg.InputContext) -> Path:
        """Return the published folder of the upstream asset.

        Raises:
            InputError: it has not been materialised here.
        """
        keys = context.asset_partition_keys if context.has_asset_partitions else []
        if len(keys) > 1:
            return Path(self.root, *context.asset_key.path)
        return Store(root=self.root).current(context.asset_key.to_user_string(), *keys)

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Refuse: assets write their own files."""
        raise dg.DagsterInvariantViolationError("return MaterializeResult, not a value")
