"""How far long work is, how fast it goes and when it will end.

Library code calls `Progress.advance`; who listens (a terminal, an asset's log) is the
caller's business.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Report:
    """One look at running work. `seconds` is the time it has run, `eta` what is left of it."""

    task: str
    done: int
    total: int | None
    unit: str
    rate: float
    seconds: float
    eta: float | None
    values: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        share = f"{self.done:,}/{self.total:,}" if self.total else f"{self.done:,}"
        parts = [f"{self.task}: {share} {self.unit}", f"{self.rate:,.1f} {self.unit}/s"]
        if self.eta is not None:
            parts.append(f"{duration(self.eta)} left")
        parts += [f"{name} {value:.4g}" for name, value in self.values.items()]
        return ", ".join(parts)


Listener = Callable[[Report], None]


def ignore(report: Report) -> None:
    """Listen to nothing."""
    del report


def duration(seconds: float) -> str:
    """Return seconds as 7 s, 3 min 05 s or 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """Counts work done and tells a listener at most every `interval` seconds.

    Example:
        >>> progress = Progress("ingest", total=100, unit="notes", listener=print)
        >>> progress.advance(10)
    """

    def __init__(
        self, task: str, *, total: int | None, unit: str, listener: Listener = ignore, interval: float = 5.0
    ) -> None:
        self.task, self.total, self.unit = task, total, unit
        self._listener, self._interval = listener, interval
        # Monotonic: a step of the wall clock must not show as speed.
        self._start = self._told = time.monotonic()
        self._done = self._skipped = 0
        self._last = -1  # what was done when the listener was told last

    def skip(self, amount: int) -> None:
        """Count `amount` as done earlier, so that it does not show as speed."""
        self._done += amount
        self._skipped += amount

    def advance(self, amount: int = 1, values: dict[str, float] | None = None) -> None:
        """Count `amount` as done now, and tell the listener if it is time."""
        self._done += amount
        now = time.monotonic()
        if now - self._told >= self._interval:
            self._told, self._last = now, self._done
            self._listener(self.report(values))

    def finish(self, values: dict[str, float] | None = None) -> Report:
        """Tell the listener the final state, and return it."""
        report = self.report(values)
        if self._last != self._done:
            self._listener(report)
        return report

    def report(self, values: dict[str, float] | None = None) -> Report:
        """Return the present state."""
        seconds = time.monotonic() - self._start
        rate = (self._done - self._skipped) / seconds if seconds > 0 else 0.0
        left = (self.total - self._done) / rate if self.total is not None and rate > 0 else None
        return Report(self.task, self._done, self.total, self.unit, rate, seconds, left, values or {})
