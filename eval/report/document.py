"""A report: its sections of blocks (text, tables, charts, players, maps), and their rendering to one HTML file.

The file contains all its pictures and sounds. Its content security policy forbids network access and any script except
the one in the file, which is identified by its hash. All strings are escaped (Jinja autoescape). The page can be used
with the keyboard, and without scripts. Every sound and every picture has a text label for screen readers.

The templates are in the folder `templates`: `report.html` is the page, and each block is rendered by the template that
has the name of its `kind`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from eval.report.blocks import Players, Table, Text
from eval.report.curves import Curves
from eval.report.front import Front
from eval.report.inline import inline_page
from eval.report.maps import Map
from eval.report.palette import Palette, rules
from eval.report.spreads import Spread

_TEMPLATES = Path(__file__).parent / "templates"


Block: TypeAlias = Text | Table | Players | Map | Spread | Curves


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
    front: Front | None = None
    palette: Palette = field(default_factory=Palette)
    files: Sequence[tuple[str, str]] = ()
    apart: bool = False


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
