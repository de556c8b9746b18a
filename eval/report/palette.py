"""Colours, shapes and dashes: which look each system has in all charts, players, tables and maps of a report.

Contestants have colours of their own, in the order of the document; bounds and references are grey. A shape and a dash
go with each colour, so that systems can be told apart in print and in black and white. Every two colours differ by at
least 17 (CIE Lab) for people with normal sight, protanopia, deuteranopia and tritanopia, and every colour stands out
from the background of its theme by a contrast of 3 at least (WCAG 2.1, 1.4.11); tests measure both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LIGHT = ("#00538a", "#d65f05", "#2e8548", "#ab7caf", "#574700", "#0d93e3", "#5f1444")
DARK = ("#3295e0", "#ff8437", "#4dc383", "#c699ce", "#ebdb74", "#c1e7ff", "#b7528f")
GREY = ("#6b6b6b", "#a8a8a8")  # of bounds, light and dark
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring", "wedge", "bar")
MARKERS = "os^DXPvd"  # the same for matplotlib
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "12 4", "5 2 1 2 1 2", "1 2", "4 6")


@dataclass(frozen=True)
class Look:
    """How a system, or another series of values, is drawn.

    Attributes:
        colour: CSS class: "c0" to "c6", or "grey".
        shape: one of `SHAPES`.
        dash: `stroke-dasharray` of its lines; "" for a solid line.
    """

    colour: str
    shape: str
    dash: str


@dataclass(frozen=True)
class Palette:
    """The looks of the systems of a report.

    Attributes:
        systems: display names of the contestants; the first is what the report is about.
        bounds: display names of bounds and references, such as the recording.

    Example:
        >>> Palette(["SING", "WaveNet"], ["Silence"]).look("WaveNet").colour
        'c1'
    """

    systems: Sequence[str] = ()
    bounds: Sequence[str] = ()

    def look(self, name: str) -> Look | None:
        """Return the look of a system; None for what is none.

        Args:
            name: display name of a system, or one followed by a colon and a part ("SING: the rest"), or by brackets.
        """
        known = sorted((*self.systems, *self.bounds), key=len, reverse=True)
        found = next((one for one in known if name == one or name.startswith((f"{one}: ", f"{one} ("))), None)
        if found is None:
            return None
        place, grey = (self.systems.index(found), False) if found in self.systems else (self.bounds.index(found), True)
        return _look(place, grey=grey)

    def series(self, names: Sequence[str]) -> Mapping[str, Look]:
        """Return the look of each series of a chart: systems have their own, the others differ from them and another.

        Args:
            names: names of the series; up to 56 other names look different.
        """
        known = {name: look for name in names if (look := self.look(name)) is not None}
        others = [name for name in names if name not in known]
        first = 0 if not known else min(len(self.systems), len(LIGHT))
        return {**known, **{name: _look(first + place) for place, name in enumerate(others)}}


def _look(place: int, *, grey: bool = False) -> Look:
    """Return the look of a place in the order; the 7 colours and 8 shapes and dashes make 56 different looks."""
    mark = (place + (3 if grey else 0)) % len(SHAPES)
    return Look("grey" if grey else f"c{place % len(LIGHT)}", SHAPES[mark], _DASHES[mark])


def rules() -> str:
    """Return the style sheet of the classes of `Look.colour`, for light and dark pages; paper is light."""
    light, dark = ((*one, grey) for one, grey in zip((LIGHT, DARK), GREY, strict=True))
    classes = [f".{name}{{--of:var(--{name})}}" for name in _CLASSES]
    return (
        f":root{{{_variables(light)}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(dark)}}}}}{''.join(classes)}"
    )


_CLASSES = (*(f"c{place}" for place in range(len(LIGHT))), "grey")


def _variables(colours: Sequence[str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in zip(_CLASSES, colours, strict=True))
