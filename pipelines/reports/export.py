"""Copies a finished report from the store into the folder of exported reports.

An exported report is whole or absent: its files are compared with the hashes that the store recorded, written under
another name, forced to disk, and renamed. It is never changed or replaced afterwards; its files are read-only. The same
content is not exported twice. One process exports at a time.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.provenance import commit_of
from assets.store.locks import acquire, reading
from assets.store.pointers import lock_path
from assets.store.versions import Version
from data.errors import InputError
from data.files.checked_json import write_checked_json
from data.files.durable import SUFFIX, new_folder
from data.files.names import check_id
from pipelines.reports.folder import (
    MANIFEST,
    check_folder,
    exported,
    is_file_name,
    is_name,
    point,
    unwritable,
    write_index,
)

_LOCK = ".lock"
_REMEDY = "run the system again, which makes the report anew"
_PATIENCE_SECONDS = 60.0  # for another process that exports; an export takes a second


def export_report(root: Path, version: Path, *, in_use: bool) -> Path:
    """Export a report, unless the same content has been exported already, and return the folder of the export.

    The index page is brought up to date, and so is the link "latest" of the system and preset.

    Args:
        root: folder of exported reports; it is created if necessary.
        version: folder of a finished version of a report in the store.
        in_use: whether it is the current report, not that of an experiment; "latest" then points to it.

    Raises:
        InputError: the version is damaged, the folder cannot be written to, it lies in the store, or something of
            somebody else would have to be replaced; the message says which.

    Example:
        >>> export_report(Path("reports"), get(slot), in_use=True).name
        '2026-11-29-060117-separation-small-3f2a9c01'
    """
    store = version.resolve().parents[3]
    if root.resolve().is_relative_to(store):
        raise InputError(f"{root}: lies in the store ({store}), where gc would delete it; choose another folder")
    with reading([lock_path(version)]), _alone(root):
        manifest, contents = _load(version)
        known = (one for one in exported(root) if one.content == manifest["content"] and one.is_whole)
        found = next(known, None)
        folder = found.folder if found else _write(root, manifest, contents)
        if in_use:
            point(root, f"{manifest['system']}-{manifest['preset']}", folder)
        write_index(root)
    return folder


def _load(version: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return the content of export.json for a version, and the content of its files by name.

    Raises:
        InputError: a file is missing or is not what was written, or the record of the version is damaged.
    """
    try:
        contents = _read(version)
        return _manifest(version, contents), contents
    except InputError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"{version}: its record is damaged ({error!r}); {_REMEDY}") from error


def _read(version: Path) -> dict[str, bytes]:
    """Return the content of the files of a version by name, compared with their hashes."""
    contents = {}
    for name, known in Version(version).record["files"].items():
        path = version / name
        if not is_file_name(name) or name == MANIFEST:
            raise InputError(f"{version}: {name!r} is no name of a file of a report; it is not exported")
        try:
            contents[name] = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; {_REMEDY}") from error
        if hashlib.sha256(contents[name]).hexdigest() != known["sha256"]:
            raise InputError(f"{path}: is not what was written; {_REMEDY}")
    return contents


def _manifest(version: Path, contents: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the content of export.json: what the report is of, and the size and hash of its files."""
    record = Version(version).record
    what = {
        "system": check_id(record["asset"].removesuffix("_report")),
        "preset": check_id(record["space"]),
        "experiment": record["experiment"] and check_id(record["experiment"]),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    identity = json.dumps({**what, "files": hashes}, sort_keys=True).encode()
    return {
        **what,
        "overrides": record["overrides"],
        "made": datetime.fromisoformat(record["made"]).astimezone(UTC).isoformat(),
        "commit": commit_of(record["provenance"]),
        "data": _data(contents.get("metrics.json", b"{}")),
        "version": version.name,
        "content": hashlib.sha256(identity).hexdigest(),
        "files": {name: {"bytes": len(content), "sha256": hashes[name]} for name, content in contents.items()},
    }


def _data(metrics: bytes) -> str:
    """Return the name of the data set, which stands in the provenance in metrics.json; "" if it does not."""
    provenance = json.loads(metrics).get("provenance", {})
    return str(provenance.get("data", ""))


def _write(root: Path, manifest: Mapping[str, Any], contents: Mapping[str, bytes]) -> Path:
    """Write the folder of an exported report under another name, rename it, and return it."""
    made = datetime.fromisoformat(manifest["made"]).strftime("%Y-%m-%d-%H%M%S")
    words = [made, manifest["system"], manifest["preset"], manifest["experiment"], manifest["content"][:8]]
    name = "-".join(filter(None, words))
    assert is_name(name), name
    folder, number = root / name, 1
    while os.path.lexists(folder):  # somebody changed or damaged it: it is left as it is
        number += 1
        folder = root / f"{name}-{number}"
    for left in root.glob(f".{name}*{SUFFIX}"):  # by processes that were killed: no other one writes here now
        shutil.rmtree(left, ignore_errors=True)
    with new_folder(folder) as partial:
        for file, content in contents.items():
            (partial / file).parent.mkdir(exist_ok=True)
            (partial / file).write_bytes(content)
        write_checked_json(partial / MANIFEST, manifest)
        for path in partial.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
    return folder


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Context manager: creates the folder of exported reports, checks it, and lets no other process write to it.

    Raises:
        InputError: the folder cannot be written to, something of somebody else is in the way, or another process
            exports for more than a minute.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    try:
        check_folder(root)
        while (descriptor := acquire(root / _LOCK)) is None:
            if time.monotonic() > deadline:
                raise InputError(f"{root}: another process exports reports to it; wait for it or stop it")
            time.sleep(0.1)
        try:
            yield
        finally:
            os.close(descriptor)
    except OSError as error:
        raise unwritable(root, error) from error
