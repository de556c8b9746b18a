"""Decodes files of strangers so that a decoder that crashes costs one recording, not the ingest.

libsndfile and FFmpeg are written in C, and a file that is damaged just so can end the process that decodes it. So an
ingest of files from elsewhere runs in a process of its own (`in_a_child`), which notes what it decodes (`decoding`).
When that process crashes, another one goes on where it was, as after a kill, and refuses the recording that was noted.
A note is a write into shared memory, so decoding is as fast as without.
"""

import mmap
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any, TypeVar

from data.errors import InputError
from data.execution import Execution
from data.files.headers import UnreadableAudio
from data.processes import WorkerEnded
from data.progress import Report

Made = TypeVar("Made")
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
_LONGEST_NAME = 2000
_LOOK = 0.5  # seconds between two looks whether the parent lives


@dataclass(frozen=True)
class _Notes:
    """Where this process notes what it decodes, and what crashed a process before it: signal by name of recording."""

    file: mmap.mmap
    crashed: dict[str, str]


_HERE: list[_Notes] = []  # empty in a process that is not watched


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Context manager: notes that a recording is being decoded, if a parent watches over this process.

    Args:
        name: what identifies the recording in this ingest.

    Raises:
        UnreadableAudio: a decoder crashed on it before.

    Example:
        >>> with decoding("train/keyboard_000"):
        ...     pcm = decode(content)
    """
    if not _HERE:
        yield
        return
    notes, name = _HERE[0], name[:_LONGEST_NAME]
    if name in notes.crashed:
        raise UnreadableAudio(f"crashes its decoder ({notes.crashed[name]})")
    noted = f"{name}\0".encode(errors="surrogateescape")
    notes.file[: len(noted)] = noted
    try:
        yield
    finally:
        notes.file[:1] = b"\0"


def in_a_child(work: Callable[..., Made], execution: Execution, *arguments: Any, **options: Any) -> Made:
    """Return what `work(execution, *arguments, **options)` returns in a process of its own that is watched over.

    When the process crashes while it decodes a recording, another one begins, in which `decoding` refuses that
    recording. So the work must go on where it was, as every ingest does. Where the process shares its work among others
    (`Execution.workers`) and one of those crashes, it is not known by which recording: another one begins that does
    all work itself.

    Args:
        work: a function of a module that another process can import.
        execution: its listener is called here.
        *arguments: values that can be sent to another process.
        **options: the same.

    Raises:
        InputError: the process crashed while it decoded nothing, or was ended from outside.
        BaseException: whatever `work` raises.

    Example:
        >>> in_a_child(ingest, Execution(Path("shards")), parts)
    """
    crashed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "decoding"
        while True:
            notes.write_bytes(bytes(5 * _LONGEST_NAME))
            call = (work, execution.without_callbacks(), arguments, options)
            try:
                ended, value = _attempt(notes, crashed, call, execution.listener)
            except WorkerEnded:
                if execution.workers == 1:
                    raise
                execution = replace(execution, workers=1)
                continue
            if ended == 0:
                return value
            name = notes.read_bytes().partition(b"\0")[0].decode(errors="surrogateescape")
            said = signal.Signals(-ended).name if ended < 0 else f"exit status {ended}"
            if -ended not in _CRASHES or not name or name in crashed:
                raise InputError(
                    f"{execution.folder}: the process that makes it was ended ({said}), perhaps because memory was "
                    "short; start again: what is finished is kept"
                )
            crashed[name] = said


def _attempt(
    notes: Path, crashed: dict[str, str], call: Sequence[Any], listener: Callable[[Report], None]
) -> tuple[int, Any]:
    """Start a process and wait for its end; return 0 and the result, or how it ended and nothing.

    Raises:
        BaseException: what the work raised.
    """
    ours, theirs = multiprocessing.Pipe()
    place = theirs.fileno()
    code = f"import sys; sys.path[:] = {sys.path!r}; from data.decoding import begin; begin({place})"
    process = Popen([sys.executable, "-c", code], stdin=DEVNULL, pass_fds=[place])
    theirs.close()
    try:
        with suppress(BrokenPipeError):
            ours.send((os.getpid(), notes, crashed, call))
        while True:
            try:
                value, error = ours.recv()
            except (EOFError, ConnectionError):
                return process.wait() or 1, None
            if isinstance(value, Report):
                listener(value)
            elif error is not None:
                raise error
            else:
                return 0, value[0]
    finally:
        process.kill()  # it has nothing to say any more, or nobody who listens
        process.wait()
        ours.close()


def begin(descriptor: int) -> None:
    """Do the work in a process: it leaves Ctrl-C to its parent, ends with it, and leaves no core behind.

    Args:
        descriptor: of the connection to the parent, which sends what to do.
    """
    with Connection(descriptor) as parent:
        process, notes, crashed, (work, execution, arguments, options) = parent.recv()
        _obey(process)
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with open(notes, "r+b") as file:
            _HERE.append(_Notes(mmap.mmap(file.fileno(), 0), crashed))
        try:
            listening = replace(execution, listener=lambda report: parent.send((report, None)))
            parent.send(((work(listening, *arguments, **options),), None))
        except BaseException as error:
            parent.send((None, error))


def _obey(parent: int) -> None:
    """Let this process leave Ctrl-C to its parent, a process id, and end with it, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
