"""File locks (flock), which the operating system releases when the process that holds them ends, in whatever way.

Every version has a lock file. A process that makes the version, sets it aside or deletes it holds an exclusive lock; a
process that reads it holds a lock that it shares with other readers. So no version is deleted while it is read.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from data.errors import InputError
from data.files.durable import naming

_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 2.0  # for readers: whoever lists garbage holds each lock for a moment


def acquire(path: Path, *, shared: bool = False) -> int | None:
    """Lock a file without waiting.

    If the file is deleted between opening and locking, other processes lock a new file of that name; it is then opened
    again.

    Args:
        path: lock file; it and its folder are created if necessary.
        shared: whether to share the lock with other readers instead of holding it exclusively.

    Returns:
        A file descriptor, or None if another process holds a conflicting lock. The lock is released when the descriptor
        is closed, at the latest when the process ends.

    Example:
        >>> descriptor = acquire(Path("training.lock"))
        >>> if descriptor is not None:
        ...     os.close(descriptor)
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
    """Return whether the open file is the one that is now at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def holder(path: Path) -> str:
    """Return the text that the last exclusive holder wrote into a lock file, "unknown" if there is none."""
    try:
        return path.read_bytes()[:200].decode(errors="replace").strip() or "unknown"
    except OSError:
        return "unknown"


def sign(descriptor: int, path: Path, name: str) -> None:
    """Replace the content of a locked file by the name of its holder, which `holder` tells others.

    Raises:
        OSError: the disk is full; the message names the file.

    Example:
        >>> sign(descriptor, Path("training.lock"), str(os.getpid()))
    """
    with naming(path):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, name.encode(), 0)


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Context manager that holds an exclusive lock.

    Args:
        path: lock file.
        what: name of what the lock protects, for the error message.

    Raises:
        InputError: another process holds the lock; the message gives its process id and `what`.

    Example:
        >>> with alone(lock_path(folder), str(folder)):
        ...     os.replace(folder, target)
    """
    descriptor = acquire(path)
    if descriptor is None:
        raise InputError(f"{what}: process {holder(path)} is at work on it already; wait for it or stop it")
    try:
        sign(descriptor, path, str(os.getpid()))
        yield
    finally:
        os.close(descriptor)


@contextmanager
def reading(paths: Iterable[Path]) -> Iterator[None]:
    """Context manager that holds shared locks, so that no process deletes what they protect.

    Args:
        paths: lock files.

    Raises:
        InputError: a process holds one of them exclusively; the message gives its process id.

    Example:
        >>> with reading([lock_path(folder)]):
        ...     scores = read_frame(folder / "scores.parquet")
    """
    with ExitStack() as stack:
        for path in sorted(set(paths)):
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while (descriptor := acquire(path, shared=True)) is None:
                if time.monotonic() > deadline:
                    raise InputError(f"{path}: process {holder(path)} is changing what it stands for; wait for it")
                time.sleep(_POLL_SECONDS / 10)
            stack.callback(os.close, descriptor)
        yield


@contextmanager
def turn(paths: Sequence[Path], what: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Context manager that waits for one of several exclusive locks and holds it.

    So no more trainings run at a time than there are locks.

    Args:
        paths: lock files, at least one.
        what: name of the work, such as the name of an asset; it is part of the message to processes that wait.
        tell: callback that receives one message if no lock is free at once.

    Example:
        >>> with turn(environment.turns, "demo/synthesis_model", print):
        ...     train()
    """
    waiting = False
    while (free := next(((one, path) for path in paths if (one := acquire(path)) is not None), None)) is None:
        if not waiting:
            tell(f"waiting for another training to end ({', '.join(map(holder, paths))})")
            waiting = True
        time.sleep(_POLL_SECONDS)
    try:
        sign(*free, f"{what} of process {os.getpid()}")
        yield
    finally:
        os.close(free[0])
