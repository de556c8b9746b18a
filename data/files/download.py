"""Downloads files: resumes after a broken connection and checks the finished file.

The bytes are collected in `<name>.partial`. The file `<name>.validator` beside it holds the ETag or the Last-Modified
date of the server's version they belong to. A restart requests the rest with the headers Range and If-Range, and
appends only if the server answers 206 with exactly that range; after any other answer it starts again from the first
byte. So bytes of two versions are never mixed.
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
from data.files.durable import SUFFIX, file_sha256, naming, publish, read_json, write_json
from data.progress import Listener, Progress, ignore

_CHUNK = 1 << 16
_TIMEOUT = (10, 60)
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # status codes after which another attempt may succeed


class DownloadError(InputError):
    """The file could not be downloaded completely, or is not the expected file."""


@dataclass(frozen=True)
class Remote:
    """A file on a server, and what is known about it. Checks whose value is None are not made.

    Attributes:
        url: http or https address.
        size: expected size in bytes.
        sha256: expected SHA-256 of the whole file, hexadecimal.
        magic: bytes that the file must begin with, to detect an error page instead of the file.
    """

    url: str
    size: int | None = None
    sha256: str | None = None
    magic: bytes = b""


def fetch(remote: Remote, path: Path, *, listener: Listener = ignore, tries: int = 5, pause: float = 2.0) -> Path:
    """Download `remote` to `path` and return `path`; return at once if the file exists already.

    Args:
        remote: file to download.
        path: final name; absent until the file is complete and checked.
        listener: callback that receives progress reports, in bytes.
        tries: failed attempts in a row, none of which brought a new byte, before giving up; the partial file is kept.
        pause: seconds to wait before the next attempt. The wait doubles at each attempt without a new byte, also the
            first, and returns to `pause` after new bytes.

    Raises:
        DownloadError: the server cannot be reached or refuses, another process is downloading to `path`, or the file
            is not the expected one; the message says what was received and what to do. A complete file that fails
            its checks is kept as `<name>.refused`.

    Example:
        >>> fetch(Remote("https://example.org/songs.zip", magic=b"PK"), Path("downloads/songs.zip"))
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
    """Lock `path` against other processes: two downloads would write into the same partial file."""
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
    """Download until the file is complete, check it and move it to its final name."""
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
    """The attempt failed, but another may succeed: broken connection, busy server, or a changed file."""


def _size(path: Path) -> int:
    """Return the size of a file in bytes, 0 if it does not exist."""
    return path.stat().st_size if path.is_file() else 0


def _validator(partial: Path) -> Path:
    """Return the path of the file that holds the ETag or date of the server's version."""
    return partial.with_suffix(".validator")


def _known(partial: Path, url: str) -> str:
    """Return the ETag or date of the version that `partial` is a part of; "" if it cannot be told: then start again."""
    try:
        noted = read_json(_validator(partial))
        known = noted["validator"] if noted["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):  # none, or damaged
        return ""
    return known if isinstance(known, str) and known.isascii() and known.isprintable() else ""


def _transfer(remote: Remote, partial: Path, listener: Listener) -> None:
    """Append the missing bytes to `partial`, or start again if the file on the server has changed."""
    known = _known(partial, remote.url)
    have = _size(partial) if known else 0
    headers = {"Accept-Encoding": "identity"}  # a compressed body would make byte positions meaningless
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": known}
    with requests.get(remote.url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
        if response.status_code == 416:  # no bytes after `have`: complete, or a shorter file now
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return
            _forget(partial)
            raise _Cut("the server's file has changed")
        if response.status_code in _BUSY:
            raise _Cut(f"the server answers {response.status_code} {response.reason}")
        if response.status_code not in (200, 206):
            raise DownloadError(
                f"{remote.url}: the server answers {response.status_code} {response.reason}; check the URL"
            )
        if response.status_code == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            _forget(partial)
            raise _Cut("the server sent another range than asked")
        _append(response, partial, have if response.status_code == 206 else 0, remote, listener)


def _append(response: requests.Response, partial: Path, have: int, remote: Remote, listener: Listener) -> None:
    """Write the body of the response to `partial` from byte `have` on."""
    length = response.headers.get("Content-Length")
    total = have + int(length) if length is not None else None
    if remote.size is not None and total is not None and total != remote.size:
        raise DownloadError(f"{remote.url}: the server offers {total:,} bytes, {remote.size:,} are expected; refused")
    # A weak ETag only says that two files are similar, so bytes must not be appended because of it.
    tag = response.headers.get("ETag", "")
    known = tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified")
    if have == 0:
        _forget(partial)
        if known:
            write_json(_validator(partial), {"url": remote.url, "validator": known})
    progress = Progress(f"download {partial.stem}", total=total, unit="bytes", listener=listener)
    progress.skip(have)
    with naming(partial), open(partial, "ab") as file:
        for chunk in response.iter_content(_CHUNK):
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
    """Delete the partial file and its validator."""
    partial.unlink(missing_ok=True)
    _validator(partial).unlink(missing_ok=True)


def _check(remote: Remote, partial: Path) -> None:
    """Raise `DownloadError` if the file has the wrong size, checksum or first bytes; it is kept as `<name>.refused`."""
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
