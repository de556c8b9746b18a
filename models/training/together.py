"""Trains one model in several processes of this machine, as one call of a training function.

The processes meet through a file and talk over the loopback interface, so no port is opened to other machines. Each
computes its slice of every batch (`models.training.processes`); the first one writes the files and reports progress. A
stop signal goes to all of them, and they end after a checkpoint. If one is killed, the others are ended, and all begin
again from the newest checkpoint. They end with the process that started them, however it ends.
"""

import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from data.errors import InputError
from data.execution import Execution
from data.processes import end_with_parent
from data.progress import Report
from models.training.interrupt import StopRequest
from models.training.processes import meet
from models.training.stage import Figures

RESTARTS = 3  # times that a training begins again because one of its processes was killed
_LOOK = 0.2  # seconds between two looks whether a stop was requested
_PRELOADED = [__name__, "torch._dynamo"]  # what all processes need, imported once; optimisers import the latter
_GRACE = 1.0  # seconds in which the other processes can tell of their errors once one has failed


class Killed(Exception):
    """One of the processes was ended from outside; the message says which and by which signal."""


def train_together(
    train: Callable[..., Figures],
    execution: Execution,
    *arguments: Any,
    again: Callable[[str], None] = print,
) -> Figures:
    """Return `train(execution, *arguments)`, computed by `execution.trainers` processes of this machine together.

    With one trainer the function is called in this process. The result does not depend on the number of processes,
    apart from the order of adding, unless the objective draws random numbers (dropout, noise): each process draws its
    own. A training can be continued with another number of processes than it was begun with.

    Args:
        train: function of a module, whose first argument is an `Execution`, and that trains with `train_stage`.
        execution: folder, device, listener and number of trainers, which share out the threads that load batches.
        arguments: the other arguments of `train`; paths and configurations, which can be sent to another process.
        again: callback that is told, in a line of text, why the training begins again, before it does; an error that it
            raises prevents that.

    Raises:
        InputError: a process was killed more than `RESTARTS` times, or `train` raised it.
        KeyboardInterrupt: SIGTERM or SIGINT requested a stop; if the training had begun, it has written a checkpoint.
        BaseException: whatever else `train` raised in the process that failed first.

    Example:
        >>> execution = Execution(Path("stage-1"), trainers=2)
        >>> train_together(train_autoencoder, execution, notes, config.autoencoder_training)
    """
    if execution.trainers == 1:
        return train(execution, *arguments)
    outcome: Figures | BaseException = {}
    for left in reversed(range(RESTARTS + 1)):
        with StopRequest() as stop, tempfile.TemporaryDirectory(prefix="tessitura-") as folder:
            loaders = max(1, execution.loaders // execution.trainers)
            quiet = replace(execution.without_callbacks(), loaders=loaders)
            task = _Task(train, quiet, arguments, Path(folder, "meeting"))
            outcome = _follow(task, execution, stop)
        if stop.requested:
            stop.deliver()
            raise KeyboardInterrupt(str(outcome) if isinstance(outcome, KeyboardInterrupt) else "training stopped")
        if not isinstance(outcome, BaseException):
            return outcome
        if not isinstance(outcome, Killed):
            raise outcome
        if left:
            again(f"{outcome}; all begin again from the newest checkpoint")
    raise InputError(
        f"{outcome}, {RESTARTS + 1} times in all, probably because memory was short; set TESSITURA_TRAINING_PROCESSES "
        "or TESSITURA_LOADERS lower and start again: it goes on from the newest checkpoint"
    )


@dataclass(frozen=True)
class _Task:
    """What each process is given: the function, its arguments, and the file to meet at."""

    train: Callable[..., Figures]
    execution: Execution
    arguments: tuple[Any, ...]
    meeting: Path


@dataclass(frozen=True)
class _Failed:
    """What a process says of its failure: the error, and when it happened by the clock of this machine."""

    error: BaseException
    moment: float


@dataclass(frozen=True)
class _Saved:
    """What a process says when it has written a checkpoint; it waits for an answer before it goes on."""

    folder: Path


def _follow(task: _Task, execution: Execution, stop: StopRequest) -> Figures | BaseException:
    """Start the processes, follow them to their end, and return the figures of the first one, or what went wrong.

    Args:
        task: what each process is given.
        execution: receives what the first process reports: progress, and checkpoints.
        stop: whether all are to end.
    """
    # Forked from a server process, not from this one: a fork of a process with threads, or a GPU, may wait for ever.
    context, size = get_context("forkserver"), task.execution.trainers
    context.set_forkserver_preload(_PRELOADED)
    started: dict[Connection, BaseProcess] = {}
    said: dict[Connection, Figures | _Failed] = {}
    try:
        for rank in range(size):
            receiver, sender = context.Pipe()
            name = f"process {rank + 1} of {size} of {task.train.__name__}"
            started[receiver] = context.Process(target=_work, args=(task, rank, sender), name=name)
            started[receiver].start()
            sender.close()  # so that the end of the process ends its pipe
        left, deadline, told = list(started), float("inf"), False
        while left and time.monotonic() < deadline:
            if stop.requested and not told:
                told = True
                for process in started.values():
                    process.terminate()
            for pipe in connection.wait(left, _LOOK):
                assert isinstance(pipe, Connection)
                try:
                    message = pipe.recv()
                except (EOFError, OSError):
                    left.remove(pipe)
                    message = said.get(pipe)
                if isinstance(message, (Report, _Saved)):
                    _pass_on(message, execution, pipe)
                    continue
                if message is not None:
                    said[pipe] = message
                if not isinstance(message, dict):
                    deadline = min(deadline, time.monotonic() + _GRACE)
        return _outcome(started, left, said)
    finally:
        for process in started.values():
            if process.pid is not None:
                process.kill()
                process.join()


def _pass_on(message: Report | _Saved, execution: Execution, pipe: Connection) -> None:
    """Give the callbacks of an execution what a process reports, and answer it if it waits."""
    if isinstance(message, Report):
        execution.listener(message)
        return
    execution.saved(message.folder)
    with suppress(OSError):  # it was ended meanwhile, which its pipe tells next
        pipe.send(message)


def _outcome(
    started: dict[Connection, BaseProcess], left: list[Connection], said: dict[Connection, Figures | _Failed]
) -> Figures | BaseException:
    """Return the figures of the first process; if one was killed or failed, that instead, the earliest failure.

    A process that is killed makes others fail, so it comes first.
    """
    for pipe, process in started.items():
        if pipe not in left and pipe not in said:
            process.join()
            return Killed(f"{process.name} was ended by signal {-(process.exitcode or 0)}")
    if failures := [one for one in said.values() if isinstance(one, _Failed)]:
        return min(failures, key=lambda one: one.moment).error
    figures = said[next(iter(started))]
    assert isinstance(figures, dict)
    return figures


def _work(task: _Task, rank: int, sender: Connection) -> None:
    """Train in one of the processes; send reports, and figures or an error, to the one that started it."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal; the parent passes it on
    signal.signal(signal.SIGTERM, _interrupt)
    size, device = task.execution.trainers, torch.device(task.execution.device)
    torch.set_num_threads(max(1, torch.get_num_threads() // size))
    try:
        execution = task.execution
        if rank == 0:
            execution = replace(execution, listener=sender.send, saved=partial(_wait_until_saved, sender))
        with meet(task.meeting, rank, size, device):
            sender.send(task.train(execution, *task.arguments))
    except BaseException as error:
        moment = time.monotonic()
        error.add_note("".join(traceback.format_exception(error)))
        try:
            sender.send(_Failed(error, moment))
        except Exception:  # an error that cannot be sent
            sender.send(_Failed(RuntimeError(f"{type(error).__name__}: {error}"), moment))
        os._exit(1)  # at once: other threads may wait for other processes


def _wait_until_saved(sender: Connection, folder: Path) -> None:
    """Have the starting process do what is to be done with a checkpoint, and wait until the folder may change."""
    sender.send(_Saved(folder))
    sender.recv()


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End the work before the training begins; the training itself notes the signal, and says where it stopped."""
    del number
    if frame is None or frame.f_code is not StopRequest.deliver.__code__:
        raise KeyboardInterrupt("training stopped before its first step")
