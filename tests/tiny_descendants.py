"""Processes that stay below the test that started them, also those that detach themselves, and end with it (Linux)."""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 60.0


def _parents(ended: bool = False) -> dict[int, int]:
    """Return the parents of all processes that have not ended; or of those that have, and nobody has asked of."""
    found = dict[int, int]()
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            if (state in "ZX") == ended:
                found[int(place.name)] = int(parent)
    return found


def children() -> set[int]:
    """Return the ids of the processes that this one has started or adopted."""
    return {one for one, parent in _parents().items() if parent == os.getpid()}


def below(*roots: int) -> set[int]:
    """Return the ids of the processes that some processes have started, and these others, as far as they live."""
    parents, found, new = _parents(), set[int](), set(roots)
    while new:
        new = {one for one, parent in parents.items() if parent in new} - found
        found |= new
    return found


def command(process: int) -> str:
    """Return the command line of a process; "" if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def kill(*roots: int) -> None:
    """End processes and all below them at once by signal 9, as a power failure does: none sees another one end."""
    everything = {*roots, *below(*roots)}
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in everything:
            with suppress(ProcessLookupError):
                os.kill(process, number)
    for process in everything:
        with suppress(ChildProcessError):
            os.waitpid(process, 0)


@contextmanager
def adopting() -> Iterator[None]:
    """Context manager: what is started within becomes a child of this process when its parent ends; all end with it."""
    library = ctypes.CDLL(None, use_errno=True)
    assert library.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    before = below(os.getpid())
    try:
        yield
    finally:
        deadline = time.monotonic() + _PATIENCE
        while (left := below(os.getpid()) - before) and time.monotonic() < deadline:
            kill(*left)
        for process in [one for one, parent in _parents(ended=True).items() if parent == os.getpid()]:
            with suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)
        library.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
