"""Charts of how values spread over items. They are data; a template draws them as inline SVG.

The title of a chart asks the question that it answers. Every mark tells its values when it is pointed at or reached by
the arrow keys, and a table with the same values lies behind it. Colours, shapes and dashes are those of the palette, so
a system looks the same in all charts; text and lines take the colours of the page, light or dark.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eval.report.axes import Axis, axis_of
from eval.report.blocks import Table
from eval.report.numbers import number

_MOST_POINTS = 100  # of a system in a spread
_ROW, _WIDTH = 50, 440
Marks = Sequence[tuple[float, float, str]]  # x, y and what is told


@dataclass(frozen=True)
class Row:
    """One system of a spread, drawn: positions in SVG user units.

    Attributes:
        name: name of the system.
        top: y of the row.
        box: x of lower whisker, lower quartile, median, upper quartile, upper whisker.
        told: what the box tells.
        marks: the points.
    """

    name: str
    top: float
    box: Sequence[float]
    told: str
    marks: Marks


@dataclass(frozen=True)
class Spread:
    """How a metric spreads over items: a box for each system, and a point for each item.

    Attributes:
        question: title, a question.
        unit: what the axis shows, with the unit and which direction is better.
        values: value of each item by system and name of the item; NaN and infinite values are left out, and so are
            systems that have no others.
        item: what an item is called.
        digits: digits after the point of values; None for three significant digits.
        note: text below the chart.
        kind: name of the template of the block.
    """

    question: str
    unit: str
    values: Mapping[str, Mapping[str, float]]
    item: str = "song"
    digits: int | None = None
    note: str = ""
    kind: str = "spread"

    @cached_property
    def known(self) -> Mapping[str, Mapping[str, float]]:
        """The finite values, by system and item."""
        kept = {
            name: {item: float(one) for item, one in values.items() if np.isfinite(one)}
            for name, values in self.values.items()
        }
        return {name: values for name, values in kept.items() if values}

    @cached_property
    def axis(self) -> Axis:
        """The axis of the values."""
        return axis_of(one for values in self.known.values() for one in values.values())

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the drawing in SVG user units."""
        return _WIDTH, _ROW * len(self.known) + 48

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """The ticks: x and text."""
        return [(self.at(value), text) for value, text in self.axis.ticks()]

    def at(self, value: float) -> float:
        """Return the x of a value."""
        return round(8 + (_WIDTH - 24) * self.axis.at(value), 1)

    @property
    def rows(self) -> list[Row]:
        """The systems, drawn."""
        found = []
        for place, (name, values) in enumerate(self.known.items()):
            low, first, middle, third, high = _box(np.array(list(values.values())))
            shown = f"median {self._written(middle)}, quartiles {self._written(first)} and {self._written(third)}"
            marks = [
                (self.at(value), round(_ROW * place + 34 + 14 * ((number * 0.618) % 1 - 0.5), 1),
                 f"{item}, {name}: {self._written(value)}")
                for number, (item, value) in enumerate(_some(values))
            ]  # fmt: skip
            box = [self.at(one) for one in (low, first, middle, third, high)]
            found.append(Row(name, _ROW * place, box, f"{name}: {shown}; {len(values)} of {self._items}", marks))
        return found

    @property
    def _items(self) -> str:
        return f"{max((len(one) for one in self.values.values()), default=0)} {self.item}s"

    @property
    def twin(self) -> Sequence[Table]:
        """The same as a table."""
        rows = []
        for name, values in self.known.items():
            numbers = np.array(list(values.values()))
            marks = np.quantile(numbers, [0, 0.25, 0.5, 0.75, 1])
            rows.append([name, str(len(values)), *map(self._written, marks)])
        heads = [
            "System",
            f"{self.item.capitalize()}s",
            "Lowest",
            "Lower quartile",
            "Median",
            "Upper quartile",
            "Highest",
        ]
        return [Table(self.unit, heads, rows)]

    def _written(self, value: float) -> str:
        return number(value, digits=self.digits)


def _box(values: np.ndarray) -> Sequence[float]:
    """Return lower whisker, quartiles and upper whisker; whiskers reach at most 1.5 times the box from it."""
    first, middle, third = np.quantile(values, [0.25, 0.5, 0.75])
    reach = 1.5 * (third - first)
    inside = values[(values >= first - reach) & (values <= third + reach)]
    return float(inside.min()), float(first), float(middle), float(third), float(inside.max())


def _some(values: Mapping[str, float]) -> list[tuple[str, float]]:
    """Return at most 100 items, spread over the values from the lowest to the highest."""
    ordered = sorted(values.items(), key=lambda one: (one[1], one[0]))
    places = np.linspace(0, len(ordered) - 1, min(_MOST_POINTS, len(ordered))).round().astype(int)
    return [ordered[one] for one in places]
