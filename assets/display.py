"""Makes metadata that the web UI shows with an asset: small tables, pictures, loss curves.

Dagster's page shows a table as it is, and Markdown only up to 999 characters; longer Markdown is a link "Show Markdown"
that opens it. So tables are tables, loss curves come twice, as a small line drawing of less than 1,000 characters and
as a picture with axes behind the link, and numbers are numbers, which the page plots over the versions.
"""

import base64
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.declaration import Shown

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_PICTURE = 100_000
_INLINE = 999  # characters of Markdown that Dagster's page shows without a click
_WIDTH, _HEIGHT, _MARGIN = 240, 60, 4  # of a small drawing, in pixels
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
    """Return a data frame as a table, which the web UI shows without a click.

    Floating-point numbers have four significant digits. Dagster's event log keeps the table permanently, so its size is
    limited to 40 rows and 120 characters per cell. A last row tells how many rows are left out.

    Example:
        >>> table(pd.DataFrame({"split": ["train", "test"], "songs": [86, 50]}))
    """
    columns = [str(one) for one in frame.columns]
    rows = [dict(zip(columns, map(_cell, row), strict=True)) for row in frame.head(_MOST_ROWS).itertuples(index=False)]
    left = len(frame) - _MOST_ROWS
    if left > 0:
        rows.append(dict.fromkeys(columns, "") | {columns[0]: f"and {left:,} more rows"})
    schema = dg.TableSchema([dg.TableColumn(one, "string") for one in columns])
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema)


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
    return text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def line(values: Sequence[float], title: str) -> dg.MetadataValue:
    """Return values as a small line drawing that the web UI shows without a click, with the first and the last value.

    Args:
        values: the values in their order; those that are not finite are left out.
        title: what they are; only letters, digits, spaces and "-_.," of it are shown.

    Example:
        >>> line(history["loss"], "training loss")
    """
    known = [float(one) for one in values if math.isfinite(one)]
    title = re.sub(r"[^\w .,-]", "", title)[:60]
    if len(known) < 2:
        return dg.MetadataValue.md(f"{title}: {known[0]:.4g}" if known else f"{title}: nothing measured")
    low, high, last = min(known), max(known), len(known) - 1
    scale = (_HEIGHT - 2 * _MARGIN) / ((high - low) or 1.0)
    step = max(1, math.ceil(last / 60))
    chosen = sorted({*range(0, last + 1, step), last})
    points = " ".join(
        f"{_MARGIN + one / last * (_WIDTH - 2 * _MARGIN):.0f},{_HEIGHT - _MARGIN - (known[one] - low) * scale:.0f}"
        for one in chosen
    )
    # Grey stands out from a light and from a dark page.
    drawing = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}'>"
        f"<polyline fill='none' stroke='#808080' stroke-width='2' points='{points}'/></svg>"
    )
    code = base64.b64encode(drawing.encode()).decode()
    text = f"![{title}](data:image/svg+xml;base64,{code}) {known[0]:.4g} → {known[-1]:.4g}"
    assert len(text) <= _INLINE, "60 points of at most 7 characters fit"
    return dg.MetadataValue.md(text)


def curves(folder: Path) -> Shown:
    """Return the loss curves of a finished training stage as metadata; {} if the folder has no training history.

    Returns:
        "loss curve" and one curve for each validation metric ("valid_… curve") as small drawings that are shown without
        a click, and "curves", all of them in one picture with axes.
    """
    from data.files.tables import read_frame
    from eval.report.figures import loss_curves, png

    path = folder / "history.parquet"
    if not path.is_file():
        return {}
    history = read_frame(path)
    names = ["loss", *(one for one in map(str, history.columns) if one.startswith("valid_"))]
    small = {f"{name} curve": line(history[name].tolist(), name.replace("_", " ")) for name in names}
    return {**small, "curves": picture(png(loss_curves(history, "training")), "training")}
