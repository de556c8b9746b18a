"""Locks that show that a run or the web UI is alive: the operating system releases them when the process ends."""

import os
from pathlib import Path

from assets.store.locks import acquire, holder, sign

SERVER = "server"


def _path(home: Path, name: str) -> Path:
    """Return the path of the lock file of a run or of the web UI."""
    return home / "alive" / name


def hold(home: Path, name: str, text: str = "") -> int | None:
    """Take an exclusive lock.

    Args:
        home: folder in which the lock files are kept.
        name: id of the run, or `SERVER` for the web UI.
        text: what `held_by` tells others, such as the address of the web UI.

    Returns:
        A file descriptor for `release`, or None if another process holds the lock. The lock is released at the latest
        when the process ends.
    """
    descriptor = acquire(_path(home, name))
    if descriptor is not None:
        try:
            sign(descriptor, _path(home, name), text)
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def held_by(home: Path, name: str) -> str:
    """Return the text that the holder of a lock gave."""
    return holder(_path(home, name))


def release(home: Path, name: str, descriptor: int) -> None:
    """Release a lock that `hold` returned, and delete its file."""
    _path(home, name).unlink(missing_ok=True)
    os.close(descriptor)
