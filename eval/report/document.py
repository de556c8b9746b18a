"""The blocks of a report (text, tables, pictures, sound players, maps) and their rendering to one HTML file.

The file contains all its pictures and sounds. Its content security policy forbids network access and any script except
the one in the file, which is identified by its hash. All strings are escaped (Jinja autoescape). The page can be used
with the keyboard, and without scripts. Every sound and every picture has a text label for screen readers.

The templates are in the folder `templates`: `report.html` is the page, and each block is rendered by the template that
has the name of its `kind`.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from eval.report.inline import inline_page
from eval.report.palette import Palette, rules

if TYPE_CHECKING:
    from eval.report.curves import Curves
    from eval.report.front import Front
    from eval.report.maps import Map
    from eval.report.spreads import Spread

_TEMPLATES = Path(__file__).parent / "templates"


def number_of(number: int, thing: str) -> str:
    """Return a number with the name of what is counted, in the plural if it is not 1.

    Example:
        >>> number_of(1, "song"), number_of(0, "song")
        ('1 song', '0 songs')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Text:
    """A paragraph of text.

    Attributes:
        text: plain text.
        kind: name of the template of the block.
    """

    text: str
    kind: str = "text"


@dataclass(frozen=True)
class Table:
    """A table; its first column holds the headings of the rows.

    Attributes:
        caption: title above the table.
        columns: headings of the columns.
        rows: the cells of each row, as text.
        words: number of columns, from the left, that hold words; the other columns hold numbers and are aligned right.
        note: text below the table.
        kind: name of the template of the block.
        lead: number of columns, from the left, that matter most: the page shows those, and all columns behind a click.
            0 shows all.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    note: str = ""
    kind: str = "table"
    lead: int = 0


@dataclass(frozen=True)
class Clip:
    """A sound with its spectrogram.

    Attributes:
        label: name of the sound, for screen readers.
        sound: bytes of an encoded audio file; None if the system made no estimate.
        media: MIME type of `sound`.
        spectrogram: bytes of a PNG file.
        figures: scores of the sound, as text below the player.
    """

    label: str
    sound: bytes | None
    media: str = "audio/flac"
    spectrogram: bytes = b""
    figures: str = ""

    @property
    def source(self) -> str:
        """The sound as a data: URI."""
        return data_uri(self.media, self.sound or b"")

    @property
    def picture(self) -> str:
        """The spectrogram as a data: URI."""
        return data_uri("image/png", self.spectrogram)


@dataclass(frozen=True)
class Players:
    """A table of sound players, with one row for each item and one column for each system.

    Attributes:
        caption: title above the table.
        columns: names of the systems.
        rows: for each item its name and its clips, one for each column.
        note: text below the table.
        kind: name of the template of the block.
        item: heading of the column with the names of the items.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Clip]]]
    note: str = ""
    kind: str = "players"
    item: str = "Note"


Block: TypeAlias = "Text | Table | Players | Map | Spread | Curves"


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes:
        title: heading of the section, also shown in the table of contents.
        blocks: its content, in order.
    """

    title: str
    blocks: Sequence[Block]

    @property
    def anchor(self) -> str:
        """The id of the section in the HTML page, made from its title."""
        return "s-" + "".join(one if one.isalnum() else "-" for one in self.title.lower())


@dataclass(frozen=True)
class Document:
    """The content of a whole report.

    Attributes:
        title: title of the page.
        summary: main results, one sentence each.
        provenance: where the numbers come from: (name, value) of data, model, code version and so on.
        sections: the sections, in order.
        methods: (name, definition) of each metric and method.
        front: what stands above everything else (`eval.report.front.Front`); None for none.
        palette: the systems by their display names, and so their colours.
        files: (name, what it is) of each file that lies beside the page, for links.
        apart: whether the sounds will lie beside the page (`eval.report.writing`), which the page then says.
    """

    title: str
    summary: Sequence[str]
    provenance: Sequence[tuple[str, str]]
    sections: Sequence[Section]
    methods: Sequence[tuple[str, str]] = field(default_factory=tuple)
    front: "Front | None" = None
    palette: Palette = field(default_factory=Palette)
    files: Sequence[tuple[str, str]] = ()
    apart: bool = False


def data_uri(media: str, content: bytes) -> str:
    """Return content of MIME type `media` as a base64 data: URI."""
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


def render(document: Document) -> str:
    """Return a report as the text of one self-contained HTML file.

    Example:
        >>> table = Table("Scores", ["System", "uSDR, dB"], [["masks", "5.2"]])
        >>> document = Document("Report", ["One system."], [("data", "MUSDB18")], [Section("Scores", [table])])
        >>> Path("report.html").write_text(render(document))
    """
    style = (_TEMPLATES / "report.css").read_text(encoding="utf-8") + rules()
    media = "img-src data:; " + ("media-src 'self'; connect-src 'self'" if document.apart else "media-src data:")
    return inline_page(_TEMPLATES, "report", media, style, document=document)
