"""Reads and writes the objects of a bucket that speaks the protocol of S3, by obstore.

An object appears whole or not at all: a put that fails or is cut off leaves what was there. Large files go up in parts
that become visible in one step. Requests that fail for a passing reason (a connection that is cut, an answer of 5xx)
are repeated. A conditional put whose answer was lost is settled by reading the object: it was made if the object holds
its content. So the content of such an object must differ from that of every other writer.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from data.errors import InputError
from data.files.durable import replacing_path

ABSENT = ""  # state of an object that does not exist
_TRIES = 4
_PART = 16 << 20  # bytes that one request reads of a large object
_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Conflict(Exception):
    """A conditional put was refused, because somebody else has written, changed or deleted the object."""


class Damaged(InputError):
    """An object is missing, or its content is not what was recorded when it was written. The message names it."""


class Unreachable(ConnectionError):
    """The bucket does not answer, after several tries. The message names it, and the cause."""


@dataclass(frozen=True)
class Stored:
    """An object of a bucket.

    Attributes:
        path: its path below the prefix.
        bytes: size of its content.
        state: its ETag, which another content does not have.
        modified: when it was written, by the clock of the server.
    """

    path: str
    bytes: int
    state: str
    modified: datetime


def at_a_time(count: int, work: Callable[..., object], items: Iterable[Sequence[object]]) -> None:
    """Call `work(*item)` for all items, `count` at a time; the first error ends those that have not begun.

    Raises:
        BaseException: the first error of `work`, in the order of the items.
    """
    with ThreadPoolExecutor(count) as pool:
        tasks = [pool.submit(work, *item) for item in items]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def split_url(url: str) -> tuple[str, str]:
    """Return the bucket and the prefix of a URL such as s3://bucket/prefix.

    Raises:
        InputError: it is not of this form; the message does not repeat what may be a password.
    """
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise InputError("no credentials in the URL of a store; give them as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
    if parts.scheme != "s3" or not parts.hostname or parts.query or parts.fragment:
        raise InputError(f"{url}: not of the form s3://BUCKET/PREFIX")
    return parts.netloc, parts.path.strip("/")


class Bucket:
    """The objects below a prefix of a bucket. All paths are relative to the prefix.

    Region, endpoint and credentials are those of the variables AWS_…, as with other programs: AWS_REGION,
    AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, or the role of the machine.

    Example:
        >>> bucket = Bucket("s3://music/tessitura")
        >>> state = bucket.replace("small/model/current/main", b"3f2a", ABSENT)
        >>> bucket.read("small/model/current/main")
        (b'3f2a', '"5c1e…"')
    """

    def __init__(self, url: str, patience: float = 60.0) -> None:
        """Prepare to use a bucket; nothing is asked of it yet.

        Args:
            url: s3://BUCKET/PREFIX.
            patience: seconds for which a request is repeated.

        Raises:
            InputError: the URL is of another form, or a variable AWS_… has a value that cannot be used.
        """
        name, prefix = split_url(url)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        options: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        self.url = url.rstrip("/")
        try:
            self._store = S3Store(
                name,
                prefix=prefix or None,
                client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(seconds=patience)},
                retry_config={
                    "max_retries": 6,
                    "retry_timeout": timedelta(seconds=patience),
                    "backoff": {"max_backoff": timedelta(seconds=5)},
                },
                **options,
            )
        except BaseError as error:
            raise self._told(error, "") from None

    def read(self, path: str) -> tuple[bytes, str] | None:
        """Return the content of a small object and its state, None if there is no such object.

        Raises:
            InputError: there is no such bucket, or it may not be read.
            Unreachable: the bucket does not answer.
        """
        for attempt in range(_TRIES):
            try:
                found = obstore.get(self._store, path)
                return bytes(found.bytes()), str(found.meta["e_tag"])
            except (FileNotFoundError, NotFoundError) as error:
                if "NoSuchBucket" in str(error):
                    raise self._told(error, path) from None
                return None
            except BaseError as error:
                self._pause(error, path, attempt)
        raise AssertionError

    def replace(self, path: str, content: bytes, state: str) -> str:
        """Write an object if it is still in a known state, and return its new state.

        Args:
            path: the object.
            content: new content, which nobody else would write.
            state: state that `read` returned, or `ABSENT` if there must be no such object.

        Raises:
            Conflict: it is not in this state; nothing was written.
            InputError: there is no such bucket, or it may not be written.
            Unreachable: the bucket does not answer; whether the object was written is not known.
        """
        for attempt in range(_TRIES):
            try:
                mode: Any = {"e_tag": state} if state else "create"
                return str(obstore.put(self._store, path, content, mode=mode)["e_tag"])
            except (AlreadyExistsError, PreconditionError) as error:
                if (found := self.read(path)) is not None and found[0] == content:
                    return found[1]  # the answer to an earlier try was lost
                raise Conflict(path) from error
            except (BaseError, FileNotFoundError) as error:
                self._pause(error, path, attempt)
        raise AssertionError

    def write(self, path: str, content: bytes | Path) -> None:
        """Write an object, whatever was there: bytes, or the content of a file of any size.

        Raises:
            InputError: there is no such bucket, or it may not be written.
            Unreachable: the bucket does not answer.
        """
        for attempt in range(_TRIES):
            try:
                obstore.put(self._store, path, content)
                return
            except (BaseError, FileNotFoundError) as error:
                self._pause(error, path, attempt)

    def download(self, path: str, target: Path, known: dict[str, Any]) -> None:
        """Copy an object to a file, which is whole or absent, and compare it with what was recorded of it.

        Args:
            path: the object.
            target: the file.
            known: its "bytes" and its "sha256", as in run.json.

        Raises:
            Damaged: the object is missing, or another size or SHA-256 was recorded.
            InputError: there is no such bucket, or it may not be read.
            Unreachable: the bucket does not answer.
        """
        digest, size = hashlib.sha256(), 0
        with replacing_path(target) as partial, open(partial, "wb") as file:
            for part in self.parts(path, known["bytes"]):
                size += file.write(part)
                digest.update(part)
            if size != known["bytes"] or digest.hexdigest() != known["sha256"]:
                raise Damaged(f"{self.url}/{path}: its content is not what was written")

    def parts(self, path: str, size: int) -> Iterator[memoryview]:
        """Yield the content of an object of `size` bytes, part by part.

        Raises:
            Damaged: it is missing or shorter.
            InputError: there is no such bucket, or it may not be read.
            Unreachable: the bucket does not answer.
        """
        for start in range(0, size, _PART):
            yield self._part(path, start, min(size, start + _PART))

    def _part(self, path: str, start: int, end: int) -> memoryview:
        """Return bytes start … end - 1 of an object, fewer if it is shorter."""
        for attempt in range(_TRIES):
            try:
                return memoryview(obstore.get_range(self._store, path, start=start, end=end))
            except (FileNotFoundError, NotFoundError):
                raise Damaged(f"{self.url}/{path}: is gone") from None
            except BaseError as error:
                if "416" in str(error) or "range" in str(error).lower():
                    raise Damaged(f"{self.url}/{path}: is shorter than what was written") from None
                self._pause(error, path, attempt)
        raise AssertionError

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Yield the objects below a folder.

        Raises:
            InputError: there is no such bucket, or it may not be read.
            Unreachable: the bucket does not answer.
        """
        last, attempt = "", 0
        while True:
            try:
                for page in obstore.list(self._store, prefix or None, offset=last or None):
                    for one in page:
                        last, attempt = one["path"], 0
                        yield Stored(one["path"], one["size"], str(one["e_tag"]), one["last_modified"])
                return
            except (BaseError, FileNotFoundError) as error:
                self._pause(error, prefix, attempt)
                attempt += 1

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; those that are gone already do not matter."""
        for path in paths:
            for attempt in range(_TRIES):
                try:
                    obstore.delete(self._store, path)
                    break
                except (FileNotFoundError, NotFoundError):
                    break
                except BaseError as error:
                    self._pause(error, path, attempt)

    def _pause(self, error: Exception, path: str, attempt: int) -> None:
        """Wait before another try; raise the error in the words of this project if there is none, or no use in it."""
        lasting = PermissionDeniedError | UnauthenticatedError | NotFoundError | FileNotFoundError
        if attempt == _TRIES - 1 or isinstance(error, lasting):
            raise self._told(error, path) from None
        time.sleep(0.1 * 2**attempt)

    def _told(self, error: Exception, path: str) -> Exception:
        """Return an error whose message is one line and holds no credentials."""
        place, said = f"{self.url}/{path}".rstrip("/"), " ".join(str(error).partition("Debug source")[0].split())
        for name in _SECRETS:
            if secret := os.environ.get(name):
                said = said.replace(secret, "…")
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            return InputError(f"{place}: not allowed; check the variables AWS_… and the rights of this user")
        if "NoSuchBucket" in said:
            return InputError(f"{place}: there is no such bucket; create it, or correct TESSITURA_STORE")
        return Unreachable(f"{place}: the bucket does not answer ({said[:300]}); run again, it goes on where it was")
