"""Line charts of a report as inline SVG: one line for each system, with the values under the pointer and in a table.

Only presentation attributes are used, because the content security policy of the page forbids style attributes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report.document import COLOURS

_WIDTH, _HEIGHT = 640, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 32
_DASHES = ("none", "6 3", "2 3", "8 3 2 3")  # so that lines differ on paper too


@dataclass(frozen=True)
class Line:
    """A line of a chart, ready to be drawn.

    Attributes:
        name: name of the system.
        colour: hexadecimal RGB.
        dashes: pattern of dashes, or "none".
        points: (x, y) in the drawing and the text that names the point, in the order of x.
        first: the first value as text.
        last: the last value as text.
    """

    name: str
    colour: str
    dashes: str
    points: Sequence[tuple[float, float, str]]
    first: str
    last: str

    @property
    def path(self) -> str:
        """The points as the attribute of a polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in self.points)


@dataclass(frozen=True)
class Curves:
    """A line chart: the values of several systems over a common axis, such as losses over training steps.

    Attributes:
        caption: title above the chart, a question that it answers.
        across: what the horizontal axis shows.
        values: for each system its points, (x, y); those that are not finite are left out.
        kind: name of the template of the block.

    Example:
        >>> Curves("Which one learns faster?", "step", {"in use": [(0, 1.0), (9, 0.5)]}).lines[0].last
        '0.5'
    """

    caption: str
    across: str
    values: Mapping[str, Sequence[tuple[float, float]]]
    kind: str = "curves"

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the drawing, in SVG user units."""
        return _WIDTH, _HEIGHT

    @property
    def lines(self) -> list[Line]:
        """The lines of the systems that have a point."""
        x_axis, y_axis = self._span(0), self._span(1)
        found = []
        for number, (name, points) in enumerate(self.values.items()):
            kept = sorted(point for point in points if all(map(math.isfinite, point)))
            if not kept:
                continue
            drawn = [
                (
                    _place(x, x_axis, _LEFT, _WIDTH - _RIGHT),
                    _place(y, y_axis, _HEIGHT - _BOTTOM, _TOP),
                    f"{name}, {self.across} {x:,.0f}: {y:.4g}",
                )
                for x, y in kept
            ]
            style = COLOURS[number % len(COLOURS)], _DASHES[number % len(_DASHES)]
            found.append(Line(name, *style, drawn, f"{kept[0][1]:.4g}", f"{kept[-1][1]:.4g}"))
        return found

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Heights in the drawing and labels of the vertical axis: the smallest value, the middle, the largest."""
        low, high = self._span(1)
        chosen = (low, (low + high) / 2, high)
        return [(_place(one, (low, high), _HEIGHT - _BOTTOM, _TOP), f"{one:.3g}") for one in chosen]

    @property
    def ends(self) -> list[tuple[float, str]]:
        """Places in the drawing and labels of both ends of the horizontal axis."""
        low, high = self._span(0)
        return [(_LEFT, f"{low:,.0f}"), (_WIDTH - _RIGHT, f"{high:,.0f}")]

    def _span(self, axis: int) -> tuple[float, float]:
        """Return the smallest and the largest value of an axis, 0 and 1 without any."""
        known = [one[axis] for points in self.values.values() for one in points if all(map(math.isfinite, one))]
        return (min(known), max(known)) if known else (0.0, 1.0)


def _place(value: float, axis: tuple[float, float], start: float, stop: float) -> float:
    """Return the place of a value between `start` and `stop`; in the middle if the axis has one value only."""
    low, high = axis
    share = (value - low) / (high - low) if high > low else 0.5
    return round(start + share * (stop - start), 1)
