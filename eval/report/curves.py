"""Charts of curves in panels. They are data; a template draws them as inline SVG (see `spreads`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from eval.report.axes import Axis, axis_of
from eval.report.blocks import Table
from eval.report.numbers import number

_MOST_SLOTS = 60  # places of a panel that tell their values
Marks = Sequence[tuple[float, float, str]]  # x, width and what is told


@dataclass(frozen=True)
class Panel:
    """One panel of a chart of curves.

    Attributes:
        title: title of the panel; "" for none.
        unit: what the vertical axis shows.
        x: positions on the horizontal axis, in order.
        curves: values of each curve by its name in the legend, as many as `x`; NaN leaves a gap.
        ticks: labels of the positions `x`; without them the axis shows numbers.
        log: whether the vertical axis is logarithmic, if all values are positive.
        digits: digits after the point of values; None for three significant digits.
    """

    title: str
    unit: str
    x: Sequence[float]
    curves: Mapping[str, Sequence[float] | np.ndarray]
    ticks: Sequence[str] = ()
    log: bool = False
    digits: int | None = None


@dataclass(frozen=True)
class Curve:
    """A curve, drawn: the path, and the positions of its values where they are marked."""

    name: str
    path: str
    marks: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curves:
    """Curves in panels with a common legend; a curve of the same name looks the same in all of them.

    Attributes:
        question: title, a question.
        panels: the panels, side by side.
        x_name: what the horizontal axes show.
        note: text below the chart.
        wide: whether each panel takes the whole width, as curves over time do.
        marked: whether each value is marked.
        kind: name of the template of the block.
    """

    question: str
    panels: Sequence[Panel]
    x_name: str
    note: str = ""
    wide: bool = False
    marked: bool = True
    kind: str = "curves"

    @property
    def names(self) -> list[str]:
        """Names of all curves."""
        return list(dict.fromkeys(name for part in self.panels for name in part.curves))

    @property
    def drawn(self) -> "list[Drawn]":
        """The panels, drawn."""
        return [Drawn(part, self) for part in self.panels]

    @property
    def twin(self) -> Sequence[Table]:
        """The same as tables, one for each panel."""
        return [
            Table(
                ", ".join(filter(None, (part.title, part.unit))),
                [self.x_name.capitalize(), *part.curves],
                [[one.label(place), *(one.told(values[place]) for values in part.curves.values())]
                 for place in one.places],
            )
            for part, one in zip(self.panels, self.drawn, strict=True)
        ]  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """A panel with positions in SVG user units."""

    part: Panel
    chart: Curves

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the drawing."""
        return (760, 230) if self.chart.wide else (400, 240)

    @property
    def frame(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of the plot."""
        width, height = self.size
        return 52, 10, width - 12, height - 40

    @cached_property
    def axes(self) -> tuple[Axis, Axis]:
        """Horizontal and vertical axis."""
        values = (float(one) for curve in self.part.curves.values() for one in curve)
        return axis_of(self.part.x), axis_of(values, log=self.part.log)

    @cached_property
    def places(self) -> list[int]:
        """Places in `Panel.x` whose values are told, at most 60."""
        count = len(self.part.x)
        return np.unique(np.linspace(0, count - 1, min(_MOST_SLOTS, count)).round().astype(int)).tolist()

    def across(self, value: float) -> float:
        """Return the x of a position."""
        left, _, right, _ = self.frame
        return round(left + (right - left) * self.axes[0].at(value), 1)

    def up(self, value: float) -> float:
        """Return the y of a value."""
        _, top, _, bottom = self.frame
        return round(bottom - (bottom - top) * self.axes[1].at(value), 1)

    def label(self, place: int) -> str:
        """Return the label of a position."""
        return self.part.ticks[place] if self.part.ticks else number(float(self.part.x[place]))

    def told(self, value: float) -> str:
        """Return a value as text."""
        return number(float(value), digits=self.part.digits)

    @property
    def marks_across(self) -> list[tuple[float, str]]:
        """The ticks of the horizontal axis: x and text."""
        if not self.part.ticks:
            return [(self.across(value), text) for value, text in self.axes[0].ticks()]
        step = -(-len(self.part.x) // 12)
        return [(self.across(one), self.part.ticks[place]) for place, one in enumerate(self.part.x)][::step]

    @property
    def marks_up(self) -> list[tuple[float, str]]:
        """The ticks of the vertical axis: y and text."""
        return [(self.up(value), text) for value, text in self.axes[1].ticks()]

    @property
    def curves(self) -> list[Curve]:
        """The curves; a value without neighbours is a dot."""
        log, found = self.axes[1].log, []
        for name, values in self.part.curves.items():
            words, marks, drawing = [], [], False
            for x, value in zip(self.part.x, values, strict=True):
                if known := bool(np.isfinite(value)) and (value > 0 or not log):
                    marks.append((self.across(x), self.up(float(value))))
                    words.append(f"{'L' if drawing else 'M'}{marks[-1][0]:g} {marks[-1][1]:g}{'' if drawing else 'h0'}")
                drawing = known
            found.append(Curve(name, "".join(words), marks if self.chart.marked else ()))
        return found

    @property
    def slots(self) -> Marks:
        """The places that tell their values: x, width and what is told."""
        middles = [self.across(float(self.part.x[one])) for one in self.places]
        left, _, right, _ = self.frame
        edges = [left, *((one + two) / 2 for one, two in pairwise(middles)), right]
        return [
            (round(edges[number], 1), round(edges[number + 1] - edges[number], 1),
             f"{self.chart.x_name} {self.label(place)}: "
             + "; ".join(f"{name} {self.told(values[place])}" for name, values in self.part.curves.items()))
            for number, place in enumerate(self.places)
        ]  # fmt: skip
