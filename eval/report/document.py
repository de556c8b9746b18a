"""One self-contained HTML document: tables, pictures, players and maps in, one file out.

The file needs no network and allows none (content security policy), runs only the script it
carries (by hash), escapes every string (autoescape), works by keyboard and without script,
and says what each sound is in words.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"
# Okabe and Ito's palette, told apart by the colour-blind; shapes tell them apart in print.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a5c00", "#56b4e9", "#882255", "#444444")
SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring", "wedge", "bar")


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table: the first column names the row, columns after `words` are numbers.

    Attributes:
        caption: what it shows.
        columns: headings.
        rows: cells as text.
        words: how many columns from the left hold words.
        note: what to know when reading it.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    note: str = ""
    kind: str = "table"


@dataclass(frozen=True)
class Picture:
    """A PNG with its text alternative."""

    png: bytes
    alt: str
    caption: str
    kind: str = "picture"

    @property
    def source(self) -> str:
        return data_uri("image/png", self.png)


@dataclass(frozen=True)
class Clip:
    """A sound with its spectrogram.

    Attributes:
        label: what it is, read out by screen readers.
        sound: an encoded audio file; None where the system made nothing.
        media: its MIME type.
        spectrogram: PNG.
        figures: what was measured, in words.
    """

    label: str
    sound: bytes | None
    media: str = "audio/flac"
    spectrogram: bytes = b""
    figures: str = ""

    @property
    def source(self) -> str:
        return data_uri(self.media, self.sound or b"")

    @property
    def picture(self) -> str:
        return data_uri("image/png", self.spectrogram)


@dataclass(frozen=True)
class Players:
    """Clips side by side: a row an item, a column a system; `item` heads the column of their names."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Clip]]]
    note: str = ""
    kind: str = "players"
    item: str = "Note"


@dataclass(frozen=True)
class Point:
    """A point of a map, with the sound a click plays."""

    x: float
    y: float
    label: str
    group: str
    sound: bytes | None = None
    media: str = "audio/flac"

    @property
    def source(self) -> str:
        return data_uri(self.media, self.sound) if self.sound else ""


@dataclass(frozen=True)
class Map:
    """A scatter of points in two dimensions without units, coloured and shaped by group."""

    caption: str
    points: Sequence[Point]
    note: str = ""
    kind: str = "map"
    size: int = 480

    @property
    def groups(self) -> dict[str, tuple[str, str]]:
        """Return colour and shape of each group."""
        names = sorted({point.group for point in self.points})
        count = len(COLOURS)
        return {name: (COLOURS[i % count], SHAPES[(i + i // count) % count]) for i, name in enumerate(names)}

    def place(self, point: Point) -> tuple[float, float]:
        """Return a point's place in the drawing."""
        return tuple(
            round(30 + (self.size - 60) * (value - min(axis)) / ((max(axis) - min(axis)) or 1.0), 1)
            for value, axis in (
                (point.x, [one.x for one in self.points]),
                (-point.y, [-one.y for one in self.points]),
            )
        )  # type: ignore[return-value]


Block = Text | Table | Picture | Players | Map


@dataclass(frozen=True)
class Section:
    """A part of the document."""

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        return "s-" + "".join(one if one.isalnum() else "-" for one in self.title.lower())


@dataclass(frozen=True)
class Document:
    """The whole report.

    Attributes:
        title: of the page.
        summary: what was found, one sentence each.
        provenance: name and value of everything that tells where the numbers come from.
        sections: in order.
        methods: name and exact definition of every metric.
    """

    title: str
    summary: Sequence[str]
    provenance: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    methods: Sequence[tuple[str, str]] = field(default_factory=tuple)


def data_uri(media: str, content: bytes) -> str:
    """Return content as a data: URI."""
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(document: Document) -> str:
    """Return the document as one HTML file."""
    script, style = ((_TEMPLATES / name).read_text() for name in ("report.js", "report.css"))
    policy = (
        "default-src 'none'; img-src data:; media-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {_hash(script)}; style-src {_hash(style)}"
    )
    template = _environment().get_template("report.html")
    return template.render(document=document, script=script, style=style, policy=policy)


def _hash(text: str) -> str:
    """Return the policy's name for an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
