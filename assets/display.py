"""What the web UI shows of an asset: small tables, pictures, loss curves."""

import base64
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.declaration import Shown

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_PICTURE = 100_000
_MOST_ROWS = 40
_LONGEST_CELL = 120


def picture(png: bytes, title: str) -> dg.MetadataValue:
    """Return a PNG as metadata that the UI shows.

    Raises:
        ValueError: it would bloat the event log; draw it smaller.
    """
    if len(png) > _LARGEST_PICTURE:
        raise ValueError(f"{title}: a picture of {len(png)} bytes; at most {_LARGEST_PICTURE} belong in the event log")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def table(frame: "pd.DataFrame") -> dg.MetadataValue:
    """Return a frame as a Markdown table, numbers to four digits.

    The event log keeps it for ever, so it is bounded: 40 rows, 120 characters a cell; what is left out is counted.
    """
    cells = frame.head(_MOST_ROWS).map(_cell)
    lines = [" | ".join(map(str, frame.columns)), " | ".join("---" for _ in frame.columns)]
    lines += [" | ".join(row) for row in cells.itertuples(index=False)]
    text = "\n".join(f"| {line} |" for line in lines)
    left = len(frame) - _MOST_ROWS
    return dg.MetadataValue.md(text + (f"\n\nand {left:,} more rows" if left > 0 else ""))


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def curves(folder: Path) -> Shown:
    """Return the loss curves of a finished training stage; nothing where nothing was trained."""
    from data.files.tables import read_frame
    from eval.report.figures import loss_curves, png

    path = folder / "history.parquet"
    if not path.is_file():
        return {}
    return {"curves": picture(png(loss_curves(read_frame(path), "training")), "training")}
