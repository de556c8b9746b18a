"""Measures and reports the progress of long work: amount done, rate and estimated time left.

Library code calls `Progress.advance`. The caller chooses the listener that receives the reports, such as one that
prints to a terminal or writes to the log of an asset.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Report:
    """The state of running work at one moment; `str` gives it as one line of text.

    Attributes:
        task: name of the work.
        done: amount done, including what was done before this run.
        total: whole amount, None if unknown.
        unit: unit of `done` and `total`, such as "notes".
        rate: units per second, counting only what this run has done.
        seconds: time since this run started.
        eta: estimated seconds left, None if unknown.
        values: other numbers to show, by name, such as a loss.
        warning: what is wrong, in one sentence; "" for an ordinary report.
    """

    task: str
    done: int
    total: int | None
    unit: str
    rate: float
    seconds: float
    eta: float | None
    values: dict[str, float] = field(default_factory=dict)
    warning: str = ""

    def __str__(self) -> str:
        if self.warning:
            return f"{self.task}: {self.warning}"
        share = f"{self.done:,}/{self.total:,}" if self.total else f"{self.done:,}"
        parts = [f"{self.task}: {share} {self.unit}", f"{self.rate:,.1f} {self.unit}/s"]
        if self.eta is not None:
            parts.append(f"{duration(self.eta)} left")
        parts += [f"{name} {value:.4g}" for name, value in self.values.items()]
        return ", ".join(parts)


Listener = Callable[[Report], None]


def ignore(report: Report) -> None:
    """Ignore the report: the listener for callers that need no progress reports."""
    del report


def duration(seconds: float) -> str:
    """Return a duration in seconds as text, such as "7 s", "3 min 05 s" or "2 h 10 min", rounded."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """Counts the work done and calls a listener with a `Report`, at most once every `interval` seconds.

    Args:
        task: name of the work, shown in reports.
        total: whole amount, None if unknown.
        unit: unit of `total`, such as "notes".
        listener: callback that receives the reports.
        interval: least number of seconds between two reports.

    Example:
        >>> progress = Progress("ingest", total=100, unit="notes", listener=print)
        >>> progress.advance(10)
    """

    def __init__(
        self, task: str, *, total: int | None, unit: str, listener: Listener = ignore, interval: float = 5.0
    ) -> None:
        self.task, self.total, self.unit = task, total, unit
        self._listener, self._interval = listener, interval
        # Monotonic, so that a change of the wall clock does not affect the rate.
        self._start = self._told = time.monotonic()
        self._done = self._skipped = 0
        self._last = -1  # amount done at the last report

    def skip(self, amount: int) -> None:
        """Count `amount` as done before this run; it is not part of the rate."""
        self._done += amount
        self._skipped += amount

    def advance(self, amount: int = 1, values: dict[str, float] | None = None) -> None:
        """Count `amount` as done now, and call the listener if `interval` seconds have passed since its last call."""
        self._done += amount
        now = time.monotonic()
        if now - self._told >= self._interval:
            self._told, self._last = now, self._done
            self._listener(self.report(values))

    def warn(self, text: str) -> None:
        """Call the listener at once with a warning: what is wrong, in one sentence, while the work goes on."""
        self._listener(replace(self.report(), warning=text))

    def finish(self, values: dict[str, float] | None = None) -> Report:
        """Return the final state, and call the listener with it unless the last report said the same."""
        report = self.report(values)
        if self._last != self._done or values:
            self._listener(report)
        return report

    def report(self, values: dict[str, float] | None = None) -> Report:
        """Return the present state; `values` are other numbers to include, by name."""
        seconds = time.monotonic() - self._start
        rate = (self._done - self._skipped) / seconds if seconds > 0 else 0.0
        left = (self.total - self._done) / rate if self.total is not None and rate > 0 else None
        return Report(self.task, self._done, self.total, self.unit, rate, seconds, left, values or {})
