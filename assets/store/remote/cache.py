"""Copies finished versions from a bucket to the local folder of the store, whose size stays below a limit.

A version is immutable, so a copy never has to be compared with the bucket by content: it is the same if run.json is the
same and its files are as run.json says. Every file is compared with its SHA-256 when it is copied; run.json, which
makes the copy a finished version, is written last. If there is no room below the limit, the copies used least recently
are deleted first. Never deleted are a copy that a process reads (it holds a shared lock), and a version that is not in
the bucket. So a limit that is smaller than what one piece of work needs is exceeded.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from assets.store.locks import acquire, holder
from assets.store.pointers import homes, lock_path
from assets.store.record import RUN, damage
from assets.store.remote.objects import Bucket, Damaged, at_a_time
from assets.store.versions import RECIPE
from data.errors import InputError
from data.execution import TEMPORARY
from data.files.checked_json import parse_checked
from data.files.durable import SUFFIX, file_sha256, write_bytes

_THREADS = 8  # files that are copied at a time
_PATIENCE = 3600.0  # seconds for which to wait for another process of this machine that copies the same version
_POLL_SECONDS = 0.2
_SHA256 = re.compile("[0-9a-f]{64}")


def object_of(root: Path, folder: Path) -> str:
    """Return the path in the bucket of a folder of the store at `root`."""
    return folder.relative_to(root).as_posix()


def blob(version: str, name: str, sha256: str) -> str:
    """Return the path in the bucket of a file of a version: its name, in a folder named by its content.

    So no writer ever replaces a file of a finished version, not even one that was paused and has been replaced.
    """
    return f"{version}/{sha256}/{name}"


class Cache:
    """The local copies of the finished versions in a bucket.

    Example:
        >>> cache = Cache(Path("store"), Bucket("s3://music/tessitura"), limit=100_000_000_000)
        >>> cache.fetch(Path("store/small/model/versions/3f2a9c01d4e6b870"), print)
        True
    """

    def __init__(self, root: Path, bucket: Bucket, limit: int) -> None:
        """Use the local folder `root` of a store, and keep the copies in it below `limit` bytes."""
        self._root, self._bucket, self._limit = root, bucket, limit

    def record(self, folder: Path) -> tuple[bytes, dict[str, Any]] | None:
        """Return run.json of a version in the bucket, as bytes and as values; None if it is not finished there.

        Raises:
            Damaged: it is not what was written.
        """
        path = f"{object_of(self._root, folder)}/{RUN}"
        if (found := self._bucket.read(path)) is None:
            return None
        try:
            record = parse_checked(found[0], Path(RUN))
            for name, known in record["files"].items():
                check_file(name, known)
                int(known["modified_ns"])
        except (InputError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise Damaged(f"{self._bucket.url}/{path}: cannot be read ({error})") from error
        return found[0], record

    def fetch(self, folder: Path, say: Callable[[str], None]) -> bool:
        """Bring a version of the bucket here, unless a whole copy of it is here, and note that it was used.

        Args:
            folder: folder of the version in the local store.
            say: callback that receives a line of text if files have to be copied.

        Returns:
            False if the bucket has no such finished version.

        Raises:
            Damaged: a file of it in the bucket is not what was written.
            InputError: another process of this machine makes it.
            Unreachable: the bucket does not answer.
        """
        found = self.record(folder)
        if found is None:
            return False
        lock, deadline, told = lock_path(folder), time.monotonic() + _PATIENCE, False
        while not _is_copy(folder, found[0]):
            if (descriptor := acquire(lock)) is not None:
                try:
                    self.copy(folder, found, say)
                finally:
                    os.close(descriptor)
                break
            if time.monotonic() > deadline:
                raise InputError(f"{folder}: process {holder(lock)} is at work on it; wait for it or stop it")
            if not told:
                say(f"waiting for a process of this machine that copies or reads {object_of(self._root, folder)}")
                told = True
            time.sleep(_POLL_SECONDS)
        with suppress(FileNotFoundError):  # if it was deleted again since
            os.utime(lock)
        return True

    def copy(self, folder: Path, found: tuple[bytes, dict[str, Any]], say: Callable[[str], None]) -> None:
        """Bring a version here, while the lock of its folder is held exclusively.

        Args:
            folder: folder of the version in the local store.
            found: what `record` returned.
            say: callback that receives a line of text if files have to be copied.
        """
        if _is_copy(folder, found[0]):
            return
        content, record = found
        (folder / RUN).unlink(missing_ok=True)
        for left in (*folder.glob(TEMPORARY), *folder.rglob(f"*{SUFFIX}"), folder / RECIPE):
            left.unlink(missing_ok=True)
        missing = {name: known for name, known in record["files"].items() if not _is_here(folder / name, known)}
        size = sum(known["bytes"] for known in missing.values())
        self.make_room(size)
        if missing:
            say(f"{object_of(self._root, folder)}: copying {len(missing)} files, {size / 1e6:,.1f} MB, from the bucket")
        self._download(folder, missing)
        for name, known in record["files"].items():
            with suppress(OSError, OverflowError):
                os.utime(folder / name, ns=(known["modified_ns"], known["modified_ns"]))
        write_bytes(folder / RUN, content)

    def _download(self, folder: Path, files: Mapping[str, Any]) -> None:
        version = object_of(self._root, folder)
        items = [(blob(version, name, known["sha256"]), folder / name, known) for name, known in files.items()]
        at_a_time(_THREADS, self._bucket.download, items)

    def make_room(self, size: int) -> list[Path]:
        """Delete copies, the one used least recently first, until `size` bytes more stay below the limit.

        Returns:
            The folders that were deleted.
        """
        copies = [(_used(folder), _size(folder), folder) for folder in self._copies()]
        total, gone = sum(one[1] for one in copies) + size, list[Path]()
        for _, own, folder in sorted(copies):
            if total <= self._limit:
                break
            if self._evict(folder):
                total -= own
                gone.append(folder)
        return gone

    def _copies(self) -> Iterator[Path]:
        """Yield the folders of all finished versions that are here."""
        for home in homes(self._root):
            yield from (path.parent for path in home.glob(f"versions/*/{RUN}"))

    def _evict(self, folder: Path) -> bool:
        """Delete a copy, unless a process uses it or the bucket does not have it; return whether it was deleted."""
        descriptor = acquire(lock_path(folder))
        if descriptor is None:
            return False
        try:
            local = (folder / RUN).read_bytes() if (folder / RUN).is_file() else None
            kept = self._bucket.read(f"{object_of(self._root, folder)}/{RUN}")
            if local is None or kept is None or kept[0] != local:
                return False
            (folder / RUN).unlink()  # first, so that a partly deleted version does not count as finished
            shutil.rmtree(folder)
            lock_path(folder).unlink(missing_ok=True)
            return True
        finally:
            os.close(descriptor)


def _is_copy(folder: Path, content: bytes) -> bool:
    """Return whether a version is here, whole, and its run.json has this content."""
    try:
        return (folder / RUN).read_bytes() == content and damage(folder) is None
    except FileNotFoundError:
        return False


def _is_here(path: Path, known: Mapping[str, Any]) -> bool:
    return path.is_file() and path.stat().st_size == known["bytes"] and file_sha256(path) == known["sha256"]


def check_file(name: str, known: Mapping[str, Any]) -> None:
    """Check what a record in the bucket says of a file.

    Args:
        name: path of the file in the folder of its version.
        known: its "bytes" and its "sha256".

    Raises:
        ValueError: the name would lead out of the folder, or this is no size and no SHA-256.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or set(name) & {"\\", "\0"} or str(path) != name or name == ".":
        raise ValueError(f"{name!r} is no name of a file")
    if not isinstance(known["bytes"], int) or not _SHA256.fullmatch(str(known["sha256"])):
        raise ValueError(f"{name}: no size and SHA-256 of a file")


def _used(folder: Path) -> int:
    """Return when a copy was used last, in nanoseconds."""
    try:
        return lock_path(folder).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() or path.is_symlink())
