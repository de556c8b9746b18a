"""A store that several machines share: versions and pointers are in a bucket, and what is used is copied here.

    small/synthesis_model/
        versions/3f2a…/SHA256/NAME     a file of a finished version
        versions/3f2a…/run.json        its record, put last, once
        unfinished/3f2a…/TOKEN/…       the last checkpoint of a version that is being made
        leases/3f2a….json              who makes it
        current/main                   the key of the current version, with a nonce; experiments/NAME/main beside it

Nobody publishes what others have overtaken. The state of a pointer is noted before work begins on what it is to name
(`working`), and the pointer moves only if it is still in that state. Whoever replaces a silent holder of a lease
rewrites the pointer that this one was to move, with the same key and another nonce. So a holder that was paused, and
goes on after it was replaced, is refused, at whatever moment that happens; and of several machines that publish into
one slot at the same time, one wins and the others are told.
"""

import json
import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from assets.store.locks import reading
from assets.store.pointers import Slot, lock_path, version_folder
from assets.store.record import RUN
from assets.store.remote.cache import Cache, object_of
from assets.store.remote.checkpoints import Checkpoints
from assets.store.remote.leases import SECONDS, Lease
from assets.store.remote.objects import Bucket, Conflict, Damaged, Unreachable
from assets.store.remote.pointing import Pointers
from assets.store.remote.uploading import upload
from data.errors import InputError
from data.files.durable import SUFFIX, write_bytes

_ASIDE = "damaged.json"
_HOME = "home.id"  # file in the local folder of the store, with an id that no other store has


@lru_cache(maxsize=4)
def _connected(url: str, root: Path, limit: int, process: int) -> "SharedStore":
    return SharedStore(root, url, limit)


def connect(url: str, root: Path, limit: int) -> "SharedStore":
    """Return the store in a bucket, the same one each time in one process. Nothing is asked of the bucket yet.

    Args:
        url: s3://BUCKET/PREFIX.
        root: local folder for what is used of it.
        limit: bytes that the copies of finished versions may take, except those that are in use.
    """
    return _connected(url, root, limit, os.getpid())  # connections do not survive a fork


class SharedStore:
    """The store in a bucket; it is the `remote` of the slots in its local folder (`assets.store.pointers.Remote`).

    Attributes:
        bucket: its objects.
        pointers: its pointers and pins.
        url: URL of the bucket, with the prefix.

    Example:
        >>> store = connect("s3://music/tessitura", Path(".tessitura/store"), 100_000_000_000)
        >>> slot = Slot(Path(".tessitura/store"), "small", "synthesis_model", remote=store)
        >>> find(slot)  # copied here, if it was not
        PosixPath('.tessitura/store/small/synthesis_model/versions/3f2a9c01d4e6b870')
    """

    def __init__(self, root: Path, url: str, limit: int, seconds: float = SECONDS) -> None:
        """Use a bucket; for `root`, `url` and `limit` see `connect`. Silent holders are replaced after `seconds`."""
        self._root, self._seconds, self.bucket = root, seconds, Bucket(url)
        self.url = self.bucket.url
        self._heart = Bucket(url, patience=seconds / 4)  # a heartbeat that comes late is of no use
        self._cache, self.pointers = Cache(root, self.bucket, limit), Pointers(self.bucket, root)
        self._leases: dict[Path, Lease] = {}  # of what this process makes, by folder
        self._claims: dict[str, str] = {}  # state of pointers when the work on what they are to name began
        self._held: ExitStack | None = None
        self._say: Callable[[str], None] = lambda text: None

    def folder_of(self, place: str) -> Path:
        """Return the local folder of a version, given its path in the bucket."""
        return self._root / place

    # Finding

    def place(self, slot: Slot) -> Path | None:
        """Return where the version that a pointer in the bucket names is, or would be, here; None if there is none."""
        key, _ = self.pointers.read(self._path(slot))
        return None if key is None else version_folder(slot.home, key)

    def record(self, folder: Path) -> dict[str, Any] | None:
        """Return the record of a version in the bucket, without copying the version; None if it is not finished."""
        found = self._cache.record(folder)
        return None if found is None else found[1]

    def pointed(self, slot: Slot) -> Path | None:
        """Return the folder of the version that a pointer in the bucket names, copied here; None if there is none.

        Within `working` it is not deleted.
        """
        folder = self.place(slot)
        try:
            if folder is None or not self._cache.fetch(folder, self._say):
                return None
        except Damaged as error:
            raise InputError(
                f"{error}; materialise {slot.name} again, which sets this version aside and makes it afresh"
            ) from error
        if self._held is not None:
            self._held.enter_context(reading([lock_path(folder)]))
        write_bytes(slot.pointer, folder.name.encode())
        return folder

    def fetch(self, folder: Path) -> bool:
        """Copy a version here if it is finished in the bucket; return whether it is, and is whole there."""
        try:
            return self._cache.fetch(folder, self._say)
        except Damaged:
            return False

    # Making

    @contextmanager
    def working(self, slot: Slot, say: Callable[[str], None]) -> Iterator[None]:
        """Context manager for all work on the next version of a slot, from the choice of its inputs to publishing.

        Args:
            slot: the slot.
            say: callback that receives a line of text when files are copied, or when another machine is waited for.
        """
        with ExitStack() as held:
            self._held, self._say = held, say
            self._claims[self._path(slot)] = self.pointers.read(self._path(slot))[1]
            try:
                yield
            finally:
                self._held, self._say = None, lambda text: None
                self._claims.pop(self._path(slot), None)

    @contextmanager
    def making(self, slot: Slot, folder: Path) -> Iterator[None]:
        """Context manager for making a version, while its local lock is held; afterwards the version is in the bucket.

        The folder first becomes what another machine has left: the finished version, or the last checkpoint.

        Args:
            slot: slot that the version is to be published in.
            folder: folder of the version.

        Raises:
            InputError: another machine makes the version; the message names it.
            Replaced: this process was silent for so long that another machine has taken over.
            Unreachable: the bucket does not answer.
        """
        place, lease, checkpoints = object_of(self._root, folder), self._lease(folder), self._checkpoints(folder)
        lease.take(self._path(slot), self._say)
        try:
            self._overtake(lease)
            self._leases[folder] = lease
            if not self._take_finished(folder):
                checkpoints.restore(folder, self._say)
            yield
            if not upload(self.bucket, place, folder, lease):
                self._take_finished(folder)
            checkpoints.delete()
        finally:
            self._leases.pop(folder, None)
            lease.release()

    @contextmanager
    def alone(self, folder: Path) -> Iterator[None]:
        """Context manager for changes of a version by which nothing is published, while no machine makes it.

        Raises:
            InputError: a machine makes it.
            Unreachable: the bucket does not answer.
        """
        lease = self._lease(folder)
        lease.take("", self._say)
        try:
            self._overtake(lease)
            yield
        finally:
            lease.release()

    def _lease(self, folder: Path) -> Lease:
        home = object_of(self._root, folder.parent.parent)
        return Lease(self._heart, f"{home}/leases/{folder.name}.json", self._home(), self._seconds)

    def _take_finished(self, folder: Path) -> bool:
        """Copy a version that is finished in the bucket, while its local lock is held; a damaged one is set aside."""
        try:
            if (found := self._cache.record(folder)) is not None:
                self._cache.copy(folder, found, self._say)
                return True
        except Damaged as error:
            self.set_aside(folder, str(error))
        return False

    def _overtake(self, lease: Lease) -> None:
        """Rewrite the pointers that holders who were replaced were to move, so that they cannot move them any more."""
        for path in lease.overtaken:
            while True:
                key, state = self.pointers.read(path)
                try:
                    renewed = self.pointers.move(path, key, state)
                except Conflict:
                    continue
                if self._claims.get(path) == state:
                    self._claims[path] = renewed
                break

    def saved(self, folder: Path) -> None:
        """Copy a checkpoint to the bucket: everything in the folder of a version that this process makes.

        If the bucket does not answer, that is said, and the work goes on.

        Args:
            folder: folder of the version, or one in it.

        Raises:
            Replaced: another machine has taken over the work.
        """
        version = next((one for one in (folder, *folder.parents) if one in self._leases), None)
        if version is None:
            return
        lease = self._leases[version]
        try:
            lease.check()
            self._checkpoints(version).save(version, lease.token)
        except Unreachable as error:  # the checkpoint is here; the next one may go up
            self._say(str(error))

    def _checkpoints(self, folder: Path) -> Checkpoints:
        home = object_of(self._root, folder.parent.parent)
        return Checkpoints(self.bucket, f"{home}/unfinished/{folder.name}", self._home())

    # Publishing

    def publish(self, slot: Slot, folder: Path) -> None:
        """Make a finished version the valid version of a slot, here and in the bucket.

        Raises:
            InputError: somebody else has published into the slot, or taken over the work, since it was begun.
            Unreachable: the bucket does not answer.
        """
        path = self._path(slot)
        key, state = self.pointers.read(path)
        if key != folder.name:
            try:
                self.pointers.move(path, folder.name, self._claims.get(path, state))
            except Conflict:
                raise InputError(
                    f"{self.url}/{path}: another machine has published, or taken over this work, since it was begun; "
                    f"run again, which finds {folder.name} finished and decides anew"
                ) from None
            if self._cache.record(folder) is None:
                raise InputError(f"{self.url}/{path}: the version was just deleted by gc; run again")
        write_bytes(slot.pointer, folder.name.encode())

    def set_aside(self, folder: Path, reason: str) -> None:
        """Make a damaged version unfinished in the bucket, so that it is made again.

        Its record is kept in damaged.json, with the reason; its files are deleted.
        """
        place = object_of(self._root, folder)
        if (found := self.bucket.read(f"{place}/{RUN}")) is not None:
            aside = {"reason": reason, "record": found[0].decode(errors="replace")}
            self.bucket.write(f"{place}/{_ASIDE}", json.dumps(aside).encode())
            self.bucket.delete([f"{place}/{RUN}"])  # first, so that it does not count as finished any more
            self.bucket.delete(one.path for one in self.bucket.list(place) if not one.path.endswith(f"/{_ASIDE}"))

    def pin(self, folder: Path, content: bytes) -> None:
        """Pin a version of the bucket; `content` is that of the local record of the pin."""
        self.pointers.pin(object_of(self._root, folder.parent.parent), folder.name, content)

    def unpin(self, folder: Path) -> bool:
        """Remove the pin of a version of the bucket; return whether there was one."""
        return self.pointers.unpin(object_of(self._root, folder.parent.parent), folder.name)

    def _path(self, slot: Slot) -> str:
        return object_of(self._root, slot.pointer)

    def _home(self) -> str:
        """Return the id of the local store: what is in its file, and the name of this machine."""
        path = self._root / _HOME
        if not path.is_file():
            own = path.with_name(f"{_HOME}.{os.getpid()}{SUFFIX}")
            write_bytes(own, secrets.token_hex(8).encode())
            with suppress(FileExistsError):  # of another process that has just done the same
                os.link(own, path)
            own.unlink()
        found = path.read_text(encoding="ascii").strip()
        return f"{found}@{socket.gethostname()}"
