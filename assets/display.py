"""Makes metadata that the web UI shows with an asset: small tables, pictures, loss curves."""

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
    """Return a PNG image as metadata that the web UI displays.

    Args:
        png: content of the PNG file, at most 100,000 bytes, since Dagster's event log stores it.
        title: text shown if the image cannot be displayed.

    Raises:
        ValueError: the image is larger.

    Example:
        >>> picture((folder / "map.png").read_bytes(), "instruments")
    """
    if len(png) > _LARGEST_PICTURE:
        raise ValueError(f"{title}: a picture of {len(png)} bytes; at most {_LARGEST_PICTURE} belong in the event log")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def table(frame: "pd.DataFrame") -> dg.MetadataValue:
    """Return a data frame as a Markdown table, with floating-point numbers to four significant digits.

    Dagster's event log keeps the table permanently, so its size is limited to 40 rows and 120 characters per cell. The
    number of rows that are left out is given below the table.

    Example:
        >>> table(pd.DataFrame({"split": ["train", "test"], "songs": [86, 50]}))
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
    """Return the loss curves of a finished training stage as metadata; {} if the folder has no training history."""
    from data.files.tables import read_frame
    from eval.report.figures import loss_curves, png

    path = folder / "history.parquet"
    if not path.is_file():
        return {}
    return {"curves": picture(png(loss_curves(read_frame(path), "training")), "training")}
