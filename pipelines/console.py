"""Shows a run in the terminal: live bars where a person watches, otherwise one short line for each message.

A person watches if standard error is a terminal and this process is in its foreground. Then there is a bar for each
step at work (rate, time left, newest figures) and one for the whole run; other messages scroll by above them.
"""

import atexit
import logging
import os
import sys
import time
from typing import Any, ClassVar

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from data.progress import Report, duration
from pipelines.failures import name_of, why_retried

_LEVELS = {"INFO": "", "WARNING": "warning: ", "ERROR": "error: ", "CRITICAL": "error: "}
_WHOLE = "whole run"


def _text_of(record: logging.LogRecord) -> str | None:
    """Return the text of a message for a person: step and message; None if it is not for a person.

    Of Dagster's own events only retries are: that a step failed or a run was stopped is said at the end, by whoever
    started the run, and what follows from it says nothing new.
    """
    meta = getattr(record, "dagster_meta", None) or {}
    text = meta.get("orig_message") or record.getMessage()
    event, level = meta.get("dagster_event"), _LEVELS.get(record.levelname, "")
    if event is not None and event.event_type_value == "STEP_UP_FOR_RETRY":
        text, level = f"failed and is tried again: {why_retried(event)}", "warning: "
    elif event is not None or record.levelno < logging.INFO or text.startswith("Dependencies for step"):
        return None
    return f"{name_of(meta.get('step_key') or meta.get('job_name')):<26} {level}{text}"


class _Lines(logging.Handler):
    """Writes each message as time, step and text, and after each step how far the whole run is.

    `14:03:22  synthesis_model            autoencoder: 200/700 steps, …`
    `14:09:40  synthesis_model            done; synthesis: 5/17 steps, 6 min 18 s`

    Args:
        job: name of the job.
        steps: number of steps of the run.
    """

    def __init__(self, job: str, steps: int) -> None:
        super().__init__()
        self._job, self._steps, self._done = job, steps, 0
        self._start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        step = _step_over(record)
        if step:
            self._done += 1
            passed = duration(time.monotonic() - self._start)
            text = f"{step:<26} done; {self._job}: {self._done}/{self._steps} steps, {passed}"
        else:
            text = _text_of(record)
        if text:
            print(f"{time.strftime('%H:%M:%S', time.localtime(record.created))}  {text}", file=sys.stderr, flush=True)


def _step_over(record: logging.LogRecord) -> str:
    """Return the name of the step whose success a message reports; "" for other messages."""
    meta = getattr(record, "dagster_meta", None) or {}
    event = meta.get("dagster_event")
    return name_of(meta.get("step_key")) if event is not None and event.event_type_value == "STEP_SUCCESS" else ""


class Bars(logging.Handler):
    """Draws a bar for each piece of work that reports progress, and one for the whole run.

    Args:
        steps: number of steps of the run.
        screen: where to draw.

    Example:
        >>> logger.addHandler(Bars(12, Console(stderr=True)))
    """

    _OVER: ClassVar = {"STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"}
    _END: ClassVar = {"PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED"}

    def __init__(self, steps: int, screen: Console) -> None:
        super().__init__()
        figures = TextColumn("{task.fields[figures]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(16), figures, console=screen, transient=True, expand=True
        )
        self._start = time.monotonic()
        self._bars: dict[str, dict[str, TaskID]] = {}  # of each step, by the name of the work
        self._whole = self._progress.add_task(_WHOLE, total=steps, figures=f"0/{steps} steps")
        self._done = 0
        self._progress.start()
        atexit.register(self._progress.stop)  # the cursor comes back, however the process ends

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", None) or {}
        event, report = meta.get("dagster_event"), getattr(record, "report", None)
        step = str(meta.get("step_key"))
        if event is not None and event.event_type_value in self._OVER:
            self._finish(step)
        elif event is not None and event.event_type_value in self._END:
            self._progress.stop()
            atexit.unregister(self._progress.stop)
        if isinstance(report, Report):
            self._show(step, report)
        elif (text := _text_of(record)) is not None:
            clock = time.strftime("%H:%M:%S", time.localtime(record.created))
            self._progress.console.print(f"{clock}  {text}", markup=False, highlight=False)

    def _show(self, step: str, report: Report) -> None:
        """Draw the newest report of a step."""
        bars = self._bars.setdefault(step, {})
        if report.task not in bars:
            bars[report.task] = self._progress.add_task(
                escape(f"{name_of(step)}: {report.task}"), total=None, figures=""
            )
        _, _, figures = str(report).partition(": ")
        total = report.total or None
        self._progress.update(bars[report.task], total=total, completed=report.done, figures=escape(figures))

    def _finish(self, step: str) -> None:
        """Take the bars of a step away, and count it."""
        for bar in self._bars.pop(step, {}).values():
            self._progress.remove_task(bar)
        self._done += 1
        passed = duration(time.monotonic() - self._start)
        whole = self._progress.tasks[0].total or 0
        figures = f"{self._done}/{whole:.0f} steps, {passed}"
        self._progress.update(self._whole, completed=self._done, figures=figures, refresh=True)


def _watched() -> bool:
    """Return whether a person watches: standard error is a terminal, in whose foreground this process runs."""
    try:
        return sys.stderr.isatty() and os.tcgetpgrp(sys.stderr.fileno()) == os.getpgrp()
    except (OSError, ValueError):  # another terminal than that of this session, or none
        return False


@dg.logger(config_schema={}, description="Live bars in a terminal, one short line a message elsewhere.")
def console(context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that shows a run on standard error."""
    logger = logging.Logger("tessitura", logging.DEBUG)
    job = context.job_def
    steps = 0 if job is None else len(job.nodes)
    handler: Any = _Lines("run" if job is None else job.name, steps)
    if _watched() and steps:
        screen = Console(stderr=True)
        if screen.is_terminal and not screen.is_dumb_terminal:
            handler = Bars(steps, screen)
    logger.addHandler(handler)
    return logger
