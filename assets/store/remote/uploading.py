"""Copies finished versions to a bucket: every file first, run.json after them, so that there is never half a version.

A file lies under the hash of its content, so files of two writers never mix. run.json is put on condition that there is
none, so of several writers exactly one makes the version finished; the others take its version.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.store.record import RUN, read_record
from assets.store.remote.cache import blob
from assets.store.remote.leases import Lease
from assets.store.remote.objects import ABSENT, Bucket, Conflict, at_a_time

_THREADS = 4  # files that are copied at a time; large ones go up in several parts at a time


def put_files(bucket: Bucket, place: str, folder: Path, files: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Copy files to a folder of the bucket, except those that are there already, and return the paths of all of them.

    Args:
        bucket: where to.
        place: folder in the bucket.
        folder: local folder of the files.
        files: size in bytes and SHA-256 of every file, by its path in `folder`, as in run.json.
    """
    there = {one.path: one.bytes for one in bucket.list(place)}
    paths = {name: blob(place, name, known["sha256"]) for name, known in files.items()}
    missing = [name for name, path in paths.items() if there.get(path) != files[name]["bytes"]]
    at_a_time(_THREADS, bucket.write, [(paths[name], folder / name) for name in missing])
    return set(paths.values())


def upload(bucket: Bucket, place: str, folder: Path, lease: Lease) -> bool:
    """Make a version finished in the bucket.

    Args:
        bucket: where to.
        place: folder of the version in the bucket.
        folder: its local folder, which is whole.
        lease: lease of the version, which this process holds.

    Returns:
        False if somebody else has finished another version of the same key before.

    Raises:
        Replaced: another machine has taken over the work; the version is not finished by this process.
        Unreachable: the bucket does not answer.
    """
    put_files(bucket, place, folder, read_record(folder)["files"])
    lease.check()
    try:
        bucket.replace(f"{place}/{RUN}", (folder / RUN).read_bytes(), ABSENT)
    except Conflict:
        return False
    return True
