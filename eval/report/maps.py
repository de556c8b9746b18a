"""Maps of a report that are played like instruments: a click on a point plays a chosen voice at a chosen pitch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report.blocks import data_uri
from eval.report.palette import Look, Palette

_NOTES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


@dataclass(frozen=True)
class Sound:
    """A sound of a point.

    Attributes:
        voice: what is heard, one of few choices for the whole map, such as "SING" or "Recording".
        content: bytes of an encoded audio file.
        media: MIME type of `content`.
        pitch: MIDI pitch; None for a sound that is not chosen by pitch.
    """

    voice: str
    content: bytes
    media: str
    pitch: int | None = None

    @property
    def source(self) -> str:
        """The sound as a data: URI."""
        return data_uri(self.media, self.content)

    @property
    def name(self) -> str:
        """Voice and pitch as text."""
        return self.voice if self.pitch is None else f"{self.voice}, pitch {self.pitch} ({note_name(self.pitch)})"


@dataclass(frozen=True)
class Point:
    """A point of a map.

    Attributes:
        x: horizontal coordinate, in any unit.
        y: vertical coordinate, in any unit, upwards.
        label: name of the point.
        group: group of the point; it decides colour and shape.
        sounds: what it can play; empty for a silent point.
    """

    x: float
    y: float
    label: str
    group: str
    sounds: Sequence[Sound] = ()


@dataclass(frozen=True)
class Map:
    """A scatter plot of points in two dimensions without units; each group has a colour and a shape.

    Attributes:
        question: title, a question.
        points: the points.
        note: text below the map.
        kind: name of the template of the block.
        size: width and height of the drawing, in SVG user units.
    """

    question: str
    points: Sequence[Point]
    note: str = ""
    kind: str = "map"
    size: int = 480

    @property
    def voices(self) -> list[str]:
        """The voices to choose from, the first is chosen at the beginning."""
        return list(dict.fromkeys(sound.voice for point in self.points for sound in point.sounds))

    @property
    def pitches(self) -> list[tuple[int, str]]:
        """The pitches to choose from with their names: all that any point can play."""
        known = {sound.pitch for point in self.points for sound in point.sounds}
        return [(one, note_name(one)) for one in sorted(one for one in known if one is not None)]

    @property
    def middle(self) -> int:
        """The pitch that is chosen at the beginning, in the middle of what most points can play."""
        known = sorted(one.pitch for point in self.points for one in point.sounds if one.pitch is not None)
        return known[len(known) // 2] if known else 0

    def groups(self, palette: Palette) -> Mapping[str, Look]:
        """Return the look of each group: systems have their own."""
        return palette.series(sorted({point.group for point in self.points}))

    def place(self, point: Point) -> tuple[float, float]:
        """Return the position (x, y) of a point in the drawing, in SVG user units from the top left corner.

        Both axes are scaled separately so that the points fill the drawing, with a margin of 30 units.
        """
        return tuple(
            round(30 + (self.size - 60) * (value - min(axis)) / ((max(axis) - min(axis)) or 1.0), 1)
            for value, axis in (
                (point.x, [one.x for one in self.points]),
                (-point.y, [-one.y for one in self.points]),
            )
        )  # type: ignore[return-value]


def note_name(pitch: int) -> str:
    """Return the name of a MIDI pitch.

    Example:
        >>> note_name(60)
        'C4'
    """
    return f"{_NOTES[pitch % 12]}{pitch // 12 - 1}"
