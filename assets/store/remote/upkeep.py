"""Verifies a bucket, and finds and deletes what nothing in it refers to.

Kept is what a pointer names, what is pinned, and what those were made from, as in a local store. Everything else is
garbage once nobody has written to it for a day: before that, somebody may be about to publish it or to go on with it.
An unfinished version that a run would go on with is not garbage either. Copies on other machines are not touched.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assets.store.pointers import is_key
from assets.store.record import RUN
from assets.store.remote.cache import blob, check_file
from assets.store.remote.checkpoints import Checkpoints
from assets.store.remote.objects import ABSENT, Bucket, Conflict, Damaged, Stored
from assets.store.remote.shared import SharedStore
from assets.store.verification import Verified
from data.errors import InputError
from data.files.checked_json import parse_checked

_AGE = timedelta(days=1)
_PLACE = re.compile(r"[\w-]+/[\w-]+/versions/[0-9a-f]{16}")


@dataclass(frozen=True)
class Waste:
    """Objects of a version that nothing in the bucket refers to.

    Attributes:
        home: "SPACE/ASSET".
        key: key of the version.
        why: reason why it is garbage, as text.
        bytes: total size of its objects.
        in_use: whether it was written to within the last day.
    """

    home: str
    key: str
    why: str
    bytes: int
    in_use: bool

    @property
    def place(self) -> str:
        """Path of the version in the bucket."""
        return f"{self.home}/versions/{self.key}"


@dataclass
class _Home:
    """The objects of an asset: paths of its pointers, keys of pinned versions, objects by key of the version."""

    pointers: list[str] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)
    versions: dict[str, list[Stored]] = field(default_factory=lambda: defaultdict(list))
    others: dict[str, list[Stored]] = field(default_factory=lambda: defaultdict(list))  # unfinished, and leases


def _homes(bucket: Bucket) -> dict[str, _Home]:
    """Return the objects of a bucket by asset; objects that belong to no asset are left out."""
    found: dict[str, _Home] = defaultdict(_Home)
    for one in bucket.list():
        parts = one.path.split("/")
        if len(parts) < 4:
            continue
        home, kind, name = found["/".join(parts[:2])], parts[2], parts[3].removesuffix(".json")
        if kind in ("current", "experiments"):
            home.pointers.append(one.path)
        elif kind == "pins" and is_key(name):
            home.pinned.append(name)
        elif kind == "versions" and is_key(name):
            home.versions[name].append(one)
        elif kind in ("unfinished", "leases") and is_key(name):
            home.others[name].append(one)
    return found


def verify(store: SharedStore) -> Iterator[Verified]:
    """Read every file of all finished versions in a bucket, and all pointers, and yield what was found of each.

    It takes as long as reading the bucket. Nothing is changed.

    Args:
        store: the store.

    Raises:
        Unreachable: the bucket does not answer.

    Example:
        >>> [one.damage for one in verify(store) if one.damage]
        [['model.safetensors: its content is not what was written']]
    """
    bucket = store.bucket
    for home, found in sorted(_homes(bucket).items()):
        finished = {key for key, objects in found.versions.items() if _is_finished(objects)}
        for path in found.pointers:
            key = store.pointers.read(path)[0]
            wrong = (
                []
                if key in finished or store.pointers.is_empty(path)
                else [f"names {key}, which is no finished version"]
            )
            yield Verified(f"{store.url}/{path}", wrong)
        for key in sorted(finished):
            place = f"{home}/versions/{key}"
            yield Verified(f"{store.url}/{place}", _damage(bucket, place))


def _is_finished(objects: list[Stored]) -> bool:
    return any(one.path.endswith(f"/{RUN}") and one.path.count("/") == 4 for one in objects)


def _damage(bucket: Bucket, place: str) -> list[str]:
    """Return a text for each damaged file of a finished version."""
    found = bucket.read(f"{place}/{RUN}")
    try:
        files = parse_checked(found[0] if found else b"", Path(RUN))["files"]
        for name, known in files.items():
            check_file(name, known)
    except (InputError, KeyError, TypeError, AttributeError, ValueError) as error:
        return [f"{RUN}: cannot be read ({error})"]
    wrong = []
    for name, known in files.items():
        digest = hashlib.sha256()
        try:
            for part in bucket.parts(blob(place, name, known["sha256"]), known["bytes"]):
                digest.update(part)
            if digest.hexdigest() != known["sha256"]:
                wrong.append(f"{name}: its content is not what was written")
        except Damaged as error:
            wrong.append(f"{name}:{str(error).rpartition(':')[2]}")
    return wrong


def garbage(store: SharedStore, may_go_on: Callable[[Mapping[str, Any]], bool] = lambda recipe: False) -> list[Waste]:
    """Return everything in a bucket that nothing in it refers to.

    Args:
        store: the store.
        may_go_on: function that tells whether a run would resume an unfinished version now, given its recipe.json.

    Raises:
        InputError: a pointer, or the record of a kept version, cannot be read, so that it is not known what is kept.
        Unreachable: the bucket does not answer.

    Example:
        >>> for one in garbage(store):
        ...     collect(store, one)
    """
    homes, found = _homes(store.bucket), list[Waste]()
    stay, now = _kept(store, homes), datetime.now(UTC)
    for name, home in sorted(homes.items()):
        for key in sorted({*home.versions, *home.others}):
            leases = [one for one in home.others[key] if "/leases/" in one.path]
            objects = [*home.versions[key], *(one for one in home.others[key] if one not in leases)]
            if not objects or f"{name}/versions/{key}" in stay:
                continue
            why = "nothing refers to it"
            if not _is_finished(home.versions[key]):
                why = "unfinished, and of another recipe"
                recipe = Checkpoints(store.bucket, f"{name}/unfinished/{key}", "").recipe()
                if recipe is not None and may_go_on(recipe):
                    continue
            fresh = max(one.modified for one in (*objects, *leases)) > now - _AGE
            found.append(Waste(name, key, why, sum(one.bytes for one in objects), fresh))
    return found


def _kept(store: SharedStore, homes: Mapping[str, _Home]) -> set[str]:
    """Return the places of all versions that are kept."""
    found, todo = set[str](), list[str]()
    for name, home in homes.items():
        for path in home.pointers:
            key = store.pointers.read(path)[0]
            if key is None and not store.pointers.is_empty(path):
                raise InputError(
                    f"{store.url}/{path}: damaged, so nobody knows which version it keeps, and nothing can be deleted; "
                    "materialise the asset again, which writes it anew, or delete this object"
                )
            todo += [f"{name}/versions/{key}"] if key else []
        todo += [f"{name}/versions/{key}" for key in home.pinned]
    while todo:
        place = todo.pop()
        if place not in found:
            found.add(place)
            record = store.record(store.folder_of(place))
            origins = [] if record is None else [str(one) for one in record.get("origins", {}).values()]
            todo += [one for one in origins if _PLACE.fullmatch(one)]
    return found


def collect(store: SharedStore, waste: Waste) -> bool:
    """Delete one version of garbage from a bucket.

    Returns:
        False if it was not deleted, because it was written to within the last day, a machine makes it, or a pointer
        names it by now.
    """
    if waste.in_use:
        return False
    try:
        with store.alone(store.folder_of(waste.place)):
            return _delete(store, waste)
    except InputError:  # somebody makes it
        return False


def _delete(store: SharedStore, waste: Waste) -> bool:
    """Delete a version while its lease is held; put the record back if it was published in the meantime."""
    bucket, record = store.bucket, f"{waste.place}/{RUN}"
    before = bucket.read(record)
    bucket.delete([record])  # first, so that a partly deleted version does not count as finished
    if waste.place in _kept(store, _homes(bucket)):
        if before is not None:
            with suppress(Conflict):  # it was made again already
                bucket.replace(record, before[0], ABSENT)
        return False
    for place in (waste.place, f"{waste.home}/unfinished/{waste.key}"):
        bucket.delete(one.path for one in bucket.list(place))
    return True
