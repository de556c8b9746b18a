"""Axes of charts: where a value lies, and which ticks are told."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from eval.report.numbers import number

_MOST_TICKS = 7


@dataclass(frozen=True)
class Axis:
    """A linear or logarithmic axis.

    Attributes:
        low: value at its beginning.
        high: value at its end, larger than `low`.
        log: whether it is logarithmic; both ends are then positive.
    """

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return where a finite value lies: 0 at the beginning, 1 at the end."""
        low, high, here = (log10(one) if self.log else one for one in (self.low, self.high, value))
        return (here - low) / (high - low)

    def ticks(self) -> list[tuple[float, str]]:
        """Return value and text of the ticks, three to about six of them, at round numbers."""
        if self.log and self.high / self.low >= 10:
            powers = range(ceil(log10(self.low) - 1e-9), floor(log10(self.high) + 1e-9) + 1)
            some = [10.0**one for one in powers][:: max(1, len(powers) // _MOST_TICKS)]
            if len(some) > 2:
                return [(one, number(one)) for one in some]
            marks = [one * 10.0**power for power in range(powers[0] - 1, powers[-1] + 1) for one in (1, 2, 5)]
            return [(one, number(one)) for one in marks if self.low <= one <= self.high]
        step = _step((self.high - self.low) / (_MOST_TICKS - 1))
        digits = max(0, -floor(log10(step) + 1e-9))
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [(place * step, number(place * step, digits=digits)) for place in range(first, last + 1)]


def axis_of(values: Iterable[float], *, log: bool = False) -> Axis:
    """Return an axis that holds all finite values, with some room at both ends.

    Args:
        values: the values; infinite ones and NaN are left out.
        log: whether to make it logarithmic, if all values are positive.

    Example:
        >>> axis_of([0.0, 10.0]).ticks()[0]
        (0, '0')
    """
    known = [one for one in map(float, values) if isfinite(one)]
    if not known:
        return Axis(0.0, 1.0)
    low, high = min(known), max(known)
    if log and low > 0:
        return Axis(low / 1.2, high * 1.2, log=True)
    room = (high - low) * 0.05 or abs(low) * 0.1 or 1.0
    return Axis(low - room, high + room)


def _step(least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is at least `least`."""
    power = 10.0 ** floor(log10(least))
    return next(one * power for one in (1, 2, 5, 10) if one * power >= least * (1 - 1e-9))
