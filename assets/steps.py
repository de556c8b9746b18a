"""The work of a step of Dagster: an error becomes one line for a person, and a stop signal ends the run."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import dagster as dg

from assets.environment import Environment
from data.errors import PermanentError, explain
from models.training.interrupt import StopRequest

_AGAIN_SECONDS = 1.0
_STOPPED: set[str] = set()  # ids of the runs that were told to stop; Dagster itself goes on with other steps


@contextmanager
def reported_errors(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, environment: Environment
) -> Iterator[None]:
    """Context manager for the work of a step: an error becomes one line for a person, a stop signal ends the run.

    Args:
        context: Dagster context of the step.
        environment: the settings; tracebacks go to its `errors_log`.

    Raises:
        dagster.Failure: the block raised an error. The message is that of `data.errors.explain`. Permanent errors are
            not retried. Or SIGINT or SIGTERM arrived, or the run was terminated in the web UI: it ends as cancelled,
            and no other step of it begins in this process. The message of a training names the step that it reached.

    Example:
        >>> with reported_errors(context, environment):
        ...     version = source.version(environment)
    """
    if context.run.run_id in _STOPPED:
        raise dg.Failure("not begun, because the run was stopped by a signal", allow_retries=False)
    try:
        with _interruptible():
            yield
    except dg.Failure:
        raise
    except Exception as error:
        line = explain(error, environment.errors_log)
        raise dg.Failure(line, allow_retries=not isinstance(error, PermanentError)) from error
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as error:
        _STOPPED.add(context.run.run_id)
        run = context.instance.get_run_by_id(context.run.run_id)
        if run is not None and run.status is dg.DagsterRunStatus.STARTED:
            context.instance.report_run_canceling(run, "Stopped by a signal.")  # so that it does not count as failed
        raise dg.Failure(str(error) or "stopped by a signal", allow_retries=False) from None


@contextmanager
def _interruptible() -> Iterator[None]:
    """Context manager in which SIGINT and SIGTERM raise KeyboardInterrupt; only in the main thread.

    A training notes the signal, writes a checkpoint and delivers the signal afterwards. It is then left to the training
    to raise KeyboardInterrupt, because it knows the step that it reached.

    Python drops an exception that is raised in a destructor or in the callback of a weak reference. So the signal comes
    again every second until the block has ended.
    """
    again: list[threading.Timer] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if frame is None or frame.f_code is not StopRequest.deliver.__code__:
            again.append(threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number)))
            again[-1].daemon = True
            again[-1].start()
            raise KeyboardInterrupt("stopped by a signal")

    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    former = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for timer in again:
            timer.cancel()
        for number, handler in former.items():
            signal.signal(number, handler)
