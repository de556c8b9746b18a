"""Does the same to many items in several processes, in order; the processes end with the one that started them.

Judges and pitch trackers compute between short calls of NumPy and SciPy, and hold the interpreter lock for nearly all
of that time, so threads would not make them faster. What processes send each other goes through pipes of
`multiprocessing`, never through a file.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sized
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain
from typing import Any, Self, TypeVar

from threadpoolctl import threadpool_limits

from data.errors import InputError

Given = TypeVar("Given")
Made = TypeVar("Made")
_WORTHWHILE = 30.0  # seconds of work left from which on processes are started, which takes a few seconds each
_WORK: list[Callable[[Any], Any]] = []  # what a process started here does; empty elsewhere


class WorkerEnded(InputError):
    """One of several processes was ended from outside, or crashed; what was finished before is kept."""


class Reopened:
    """An object that another process opens again, from the arguments it was made with, instead of getting a copy.

    A subclass takes positional arguments only, and those can be sent: paths, numbers, texts, other such objects.

    Example:
        >>> class Evaluation(Reopened):
        ...     def __init__(self, notes: Path) -> None:
        ...         self._shards = Shards(notes)
    """

    _arguments: tuple[Any, ...]

    def __new__(cls, *arguments: Any) -> Self:
        made = super().__new__(cls)
        made._arguments = arguments
        return made

    def __reduce__(self) -> tuple[type[Self], tuple[Any, ...]]:
        return type(self), self._arguments


def map_in_order(work: Callable[[Given], Made], items: Iterable[Given], workers: int) -> Generator[Made, None, None]:
    """Yield what `work` makes of each item, in order; the results do not depend on the number of workers.

    The first items are worked on here. If by their time the rest would take longer than 30 s, processes take over. Of
    items without a length, as those of a stream, the rest is taken to last as long as what is done. In either case
    numerical libraries compute in one thread, so that sums are added in the same order. A process holds `work` and one
    item at a time; two results for each process may wait to be taken.

    Args:
        work: what to do; can be sent to another process, as a method of a `Reopened` can.
        items: what to do it to; they and the results can be sent too. They are taken in this process, one by one.
        workers: largest number of processes; 1 for none but this one.

    Raises:
        WorkerEnded: a process was ended from outside, as the system does for want of memory, or crashed.
        BaseException: whatever `work` raises, in the order of the items. The other processes are then ended. So they
            are if `items` raises, whose exception comes before the results that were not taken yet.

    Example:
        >>> list(map_in_order(abs, [1, -2, -3], workers=4))
        [1, 2, 3]
    """
    started, total = time.monotonic(), len(items) if isinstance(items, Sized) else None
    left = iter(items)
    for number, item in enumerate(left):
        spent, more = time.monotonic() - started, number if total is None else total - number
        useful = workers if total is None else min(workers, more)
        if number and useful > 1 and spent / number * more > _WORTHWHILE:
            yield from _in_processes(work, chain([item], left), useful)
            return
        with threadpool_limits(1):
            made = work(item)
        yield made


def _in_processes(work: Callable[[Given], Made], items: Iterable[Given], workers: int) -> Generator[Made, None, None]:
    """Yield what processes make of the items, in order.

    Processes are spawned, not forked: a fork of a process with threads, or with a GPU, may wait for ever.
    """
    others = set(multiprocessing.active_children())
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin, (work,)) as pool:
        pending: deque[Future[Made]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(_do, item))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise WorkerEnded(
                f"one of {workers} processes that work at a time was ended from outside, probably because memory was "
                "short; set TESSITURA_WORKERS lower and start again: what is finished is kept"
            ) from error
        except BaseException:
            for process in set(multiprocessing.active_children()) - others:
                process.kill()
            raise


def end_with_parent() -> None:
    """End this process by signal 9 as soon as the process that started it by `multiprocessing` is gone.

    Without this, a step whose run was killed would train on and hold the lock of its version. The parent's end is seen
    by a pipe of `multiprocessing`; PR_SET_PDEATHSIG would see that of the fork server, which lives as long as the step.
    Does nothing in a process that was started in another way.

    Example:
        >>> end_with_parent()
    """
    parent = multiprocessing.parent_process()
    if parent is None or any(one.name == end_with_parent.__name__ for one in threading.enumerate()):
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name=end_with_parent.__name__, daemon=True).start()


def _begin(work: Callable[[Any], Any]) -> None:
    """Prepare a process: it computes in one thread, leaves Ctrl-C to its parent, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threadpool_limits(1)
    _WORK.append(work)
    end_with_parent()


def _do(item: Any) -> Any:
    """Do the work of this process to an item."""
    return _WORK[0](item)
