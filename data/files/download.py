"""Downloads that survive a cut line: resumed where they stopped, never spliced, checked at the end.

The bytes gather in `<name>.partial`; beside it `<name>.validator` keeps the server's ETag or
Last-Modified of the version they belong to. A restart asks for the rest with Range and
If-Range and appends only to an exact 206; any other answer starts over.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from data.errors import InputError
from data.files.durable import SUFFIX, file_sha256, publish, read_json, write_json
from data.progress import Listener, Progress, ignore

_CHUNK = 1 << 16
_TIMEOUT = (10, 60)
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that may be others a moment later


class DownloadError(InputError):
    """The file could not be fetched whole."""


@dataclass(frozen=True)
class Remote:
    """A file somewhere else. Checks that are None are not made.

    Attributes:
        url: where it is, http or https.
        size: bytes.
        sha256: checksum of the whole, hexadecimal.
        magic: the bytes it begins with, which tell it from an error page.
    """

    url: str
    size: int | None = None
    sha256: str | None = None
    magic: bytes = b""


def fetch(remote: Remote, path: Path, *, listener: Listener = ignore, tries: int = 5, pause: float = 2.0) -> Path:
    """Download `remote` to `path` and return it; at once if it is there already.

    Args:
        remote: what to fetch.
        path: final name; absent until the file is whole and checked.
        listener: is told bytes, rate and time left.
        tries: attempts without any new byte before giving up; the partial file stays.
        pause: seconds before the first retry, doubled at each.

    Raises:
        DownloadError: unreachable, refused, or not the file expected; the message says what
            came and what to do. A file that fails its checks is kept as `<name>.refused`.
    """
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path):
        if not path.is_file():
            _fetch(remote, path, listener, tries, pause)
    return path


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from fetching to `path` meanwhile: two would write into one partial file."""
    lock = path.with_name(path.name + ".lock")
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise DownloadError(f"{path}: another process is fetching it; wait until it is there") from error
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _fetch(remote: Remote, path: Path, listener: Listener, tries: int, pause: float) -> None:
    """Download until whole, checked and published."""
    partial = path.with_name(path.name + SUFFIX)
    left, wait = tries, pause
    while True:
        before = _size(partial)
        try:
            _transfer(remote, partial, listener)
            break
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, _Cut) as error:
            left, wait = (tries, pause) if _size(partial) > before else (left - 1, wait * 2)
            if left <= 0:
                raise DownloadError(
                    f"{remote.url}: {error}; {_size(partial):,} bytes are kept in {partial}, run again to go on"
                ) from error
            time.sleep(wait)
    _check(remote, partial)
    publish(partial, path)
    _validator(partial).unlink(missing_ok=True)


class _Cut(Exception):
    """The connection ended before the promised length."""


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _validator(partial: Path) -> Path:
    return partial.with_suffix(".validator")


def _transfer(remote: Remote, partial: Path, listener: Listener) -> None:
    """Append to `partial` what is missing, starting over where the server's file is another."""
    known: str = read_json(_validator(partial))["validator"] if _validator(partial).is_file() else ""
    have = _size(partial) if known else 0
    headers = {"Accept-Encoding": "identity"}  # a compressed body would make byte positions meaningless
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": known}
    with requests.get(remote.url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing after `have`: whole already, or a shorter file now
            if answer.headers.get("Content-Range") == f"bytes */{have}":
                return
            _forget(partial)
            raise _Cut("the server's file has changed")
        if answer.status_code in _BUSY:
            raise _Cut(f"the server answers {answer.status_code} {answer.reason}")
        if answer.status_code not in (200, 206):
            raise DownloadError(f"{remote.url}: the server answers {answer.status_code} {answer.reason}; check the URL")
        if answer.status_code == 206 and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            _forget(partial)
            raise _Cut("the server sent another range than asked")
        _append(answer, partial, have if answer.status_code == 206 else 0, remote, listener)


def _append(answer: requests.Response, partial: Path, have: int, remote: Remote, listener: Listener) -> None:
    """Write the answer's body from byte `have` of `partial` on."""
    length = answer.headers.get("Content-Length")
    total = have + int(length) if length is not None else None
    if remote.size is not None and total is not None and total != remote.size:
        raise DownloadError(f"{remote.url}: the server offers {total:,} bytes, {remote.size:,} are expected; refused")
    # A weak ETag only promises a similar file, so it cannot vouch for splicing bytes.
    tag = answer.headers.get("ETag", "")
    known = tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")
    if have == 0:
        _forget(partial)
        if known:
            write_json(_validator(partial), {"url": remote.url, "validator": known})
    progress = Progress(f"download {partial.stem}", total=total, unit="bytes", listener=listener)
    progress.skip(have)
    with open(partial, "ab") as file:
        for chunk in answer.iter_content(_CHUNK):
            if have == 0 and not chunk.startswith(remote.magic[: len(chunk)]):
                raise DownloadError(
                    f"{remote.url}: the answer begins with {chunk[:24]!r}, not with {remote.magic!r} "
                    "(an error or log-in page?); open the URL in a browser"
                )
            file.write(chunk)
            have += len(chunk)
            progress.advance(len(chunk))
        file.flush()
        os.fsync(file.fileno())
    if total is not None and have != total:
        raise _Cut(f"connection cut after {have:,} of {total:,} bytes")
    progress.finish()


def _forget(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    _validator(partial).unlink(missing_ok=True)


def _check(remote: Remote, partial: Path) -> None:
    """Refuse a file of the wrong size, checksum or kind; the file is kept aside."""
    faults = []
    if remote.size is not None and _size(partial) != remote.size:
        faults.append(f"{_size(partial):,} bytes came, {remote.size:,} are expected")
    if remote.sha256 is not None and (found := file_sha256(partial)) != remote.sha256:
        faults.append(f"its SHA-256 is {found}, expected {remote.sha256}")
    with open(partial, "rb") as file:
        if (start := file.read(len(remote.magic))) != remote.magic:
            faults.append(f"it begins with {start!r}, expected {remote.magic!r}")
    if faults:
        refused = partial.with_suffix(".refused")
        os.replace(partial, refused)
        _validator(partial).unlink(missing_ok=True)
        raise DownloadError(f"{remote.url}: {'; '.join(faults)}; kept as {refused}, run again to fetch it anew")
