"""Locks on files. The system drops them with the process that holds them, however it ends.

Every version has a lock file. Whoever makes the version, sets it aside or deletes it holds the lock alone;
whoever reads it shares the lock with other readers. So nothing is deleted while it is read.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from data.errors import InputError

_POLL_SECONDS = 1.0


def acquire(path: Path, *, shared: bool = False) -> int | None:
    """Lock the file at `path` and return its descriptor; None if another process stands in the way.

    The lock ends when the descriptor is closed, at the latest with the process. The file is made if need be. One
    that was deleted just before it was locked is not the one that others lock now, so it is opened anew.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if _is_the_file_at(path, descriptor):
            return descriptor
        os.close(descriptor)


def _is_the_file_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def holder(path: Path) -> str:
    """Return who wrote its name into the lock file last, "unknown" if nobody did."""
    try:
        return path.read_bytes()[:200].decode(errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"


def _sign(descriptor: int, name: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, name.encode(), 0)


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock at `path` alone.

    Raises:
        InputError: another process holds it; the message says which, and that it is at work on `what`.
    """
    descriptor = acquire(path)
    if descriptor is None:
        raise InputError(f"{what}: process {holder(path)} is at work on it already; wait for it or stop it")
    try:
        _sign(descriptor, str(os.getpid()))
        yield
    finally:
        os.close(descriptor)


@contextmanager
def reading(paths: Iterable[Path]) -> Iterator[None]:
    """Share the locks at `paths` with other readers, so that nobody deletes what they stand for.

    Raises:
        InputError: a process holds one of them alone; the message says which.
    """
    with ExitStack() as stack:
        for path in sorted(set(paths)):
            descriptor = acquire(path, shared=True)
            if descriptor is None:
                raise InputError(f"{path}: process {holder(path)} is changing what it stands for; wait for it")
            stack.callback(os.close, descriptor)
        yield


@contextmanager
def turn(path: Path, what: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Wait for the lock at `path`, hold it alone, and pass it on: one at a time.

    Args:
        path: of the lock.
        what: is to be done, such as the name of an asset; whoever waits is told.
        tell: is called with a sentence if there is something to wait for.
    """
    told = False
    while (descriptor := acquire(path)) is None:
        if not told:
            tell(f"waiting for another training to end ({holder(path)})")
            told = True
        time.sleep(_POLL_SECONDS)
    try:
        _sign(descriptor, f"{what} of process {os.getpid()}")
        yield
    finally:
        os.close(descriptor)
