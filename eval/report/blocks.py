"""The plain blocks of a report: text, tables, sounds with their spectrograms, players.

Charts and maps are blocks too (`eval.report.curves`, `spreads`, `maps`); `eval.report.document` puts blocks on a page.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass


def data_uri(media: str, content: bytes) -> str:
    """Return content of MIME type `media` as a base64 data: URI."""
    return f"data:{media};base64,{base64.b64encode(content).decode()}"


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
