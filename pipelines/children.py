"""Starts child processes that end when this process ends, however it ends, and that get its stop signals.

Between this process and a child stands a guard: this file, run as a program of the standard library alone. The guard
reads a pipe whose other end only this process holds. When this process is gone, killed by signal 9 included, the pipe
closes, and the guard ends the child with all its descendants: by SIGTERM, so that trainings write a checkpoint, and 10
seconds later by SIGKILL. It does the same with the descendants that a child leaves behind when it ends.

Processes that `multiprocessing` starts have no guard; they call `data.processes.end_with_parent`.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

GRACE_SECONDS = 10.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of Linux


class Children:
    """Context manager that starts child processes, passes stop signals on to them, and ends them when it is left.

    While the block runs, SIGINT, SIGTERM and SIGHUP that this process gets go to every child and to all its
    descendants, and nothing else happens here: the block continues and usually waits for the children. Python allows
    signal handlers in the main thread only; in other threads no signal is passed on.

    Attributes:
        stopped: number of the last stop signal that this process got in the block, None if there was none.

    Example:
        >>> with Children() as children:
        ...     lanes = [children.start([sys.executable, "-m", "pipelines.cli", "run", name]) for name in SYSTEMS]
        ...     statuses = [lane.wait() for lane in lanes]
        >>> if children.stopped: ...
    """

    def __init__(self) -> None:
        self.stopped: int | None = None
        self._started: list[subprocess.Popen[bytes]] = []
        self._former: dict[int, Any] = {}

    def __enter__(self) -> "Children":
        if threading.current_thread() is threading.main_thread():
            for number in _heeded():
                self._former[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._started:
            child.send_signal(signal.SIGTERM)
            assert child.stdin is not None
            child.stdin.close()  # from here on the guard waits no longer than GRACE_SECONDS
        for child in self._started:
            child.wait()
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.stopped = number
        for child in self._started:
            # A closed terminal (SIGHUP) is a stop like any other, so that trainings write a checkpoint.
            child.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)

    def start(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a program as a child process, and return the process of its guard.

        The child writes to standard output and standard error of this process, and reads nothing. A signal sent to the
        returned process goes to the child and all its descendants. The returned process ends after the child, with its
        exit status, or with 128 + the number of the signal that ended it (- the number if it had not begun).

        Args:
            command: path of the program and its arguments.
            environment: environment variables of the child; None for those of this process.
            folder: working directory of the child; None for that of this process.

        Raises:
            OSError: the operating system cannot start a process. A program that is missing ends with exit status 127.
        """
        guard = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), *command]
        child = subprocess.Popen(guard, stdin=subprocess.PIPE, env=environment, cwd=folder, start_new_session=True)
        self._started.append(child)
        return child


def _heeded() -> list[int]:
    """Return the stop signals that this process does not ignore, as it does SIGHUP under `nohup`."""
    return [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def _become_child() -> None:
    """Let SIGINT end this process, and let Linux end it when the guard is killed; other systems have no such call.

    A shell starts background jobs with SIGINT ignored, which is inherited. Programs of Dagster treat SIGTERM as they
    treat SIGINT, so they would ignore both, and only SIGKILL would end them.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL, 0, 0, 0)


def _send(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether there was any process in it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS forbids signals to processes that have ended
        return False
    return True


def _end(group: int) -> None:
    """End a process group: SIGTERM, and SIGKILL where it is still there after `GRACE_SECONDS`."""
    _send(group, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while _send(group, 0) and time.monotonic() < deadline:
        time.sleep(0.05)
    _send(group, signal.SIGKILL)


def _guard(command: Sequence[str]) -> int:
    """Run a program in a process group of its own until it or the parent ends, and return its exit status."""
    early, group = [], 0

    def pass_on(number: int, frame: FrameType | None) -> None:
        del frame
        if group:
            _send(group, number)
        else:
            early.append(number)

    for number in _heeded():
        signal.signal(number, pass_on)
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_become_child,  # noqa: PLW1509 (one thread)
        )
    except OSError as error:
        print(f"error: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    group = child.pid
    for number in early:
        _send(group, number)

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)  # nothing is ever written: it returns when the parent is gone
        _end(group)

    threading.Thread(target=watch, daemon=True).start()
    status = child.wait()
    if _send(group, 0):
        _end(group)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(_guard(sys.argv[1:]))
