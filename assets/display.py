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
_MOST_POINTS, _MOST_DOTS = 60, 40  # of a small drawing
_INK = "#808080"  # grey stands out from a light and from a dark page
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


def figure(value: float) -> dg.MetadataValue:
    """Return a number with four significant digits, which the web UI plots over the versions.

    Example:
        >>> figure(0.0670593718).value
        0.06706
    """
    return dg.MetadataValue.float(float(f"{value:.4g}"))


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
    title = _plain(title)
    if len(known) < 2:
        return dg.MetadataValue.md(f"{title}: {known[0]:.4g}" if known else f"{title}: nothing measured")
    last = len(known) - 1
    step = max(1, math.ceil(last / _MOST_POINTS))
    chosen = sorted({*range(0, last + 1, step), last})
    across, up = _scaled(range(last + 1), _WIDTH), _scaled(known, _HEIGHT)
    points = " ".join(f"{across[one]},{_HEIGHT - up[one]}" for one in chosen)
    shape = f"<polyline fill='none' stroke='{_INK}' stroke-width='2' points='{points}'/>"
    return _drawing(shape, _HEIGHT, title, f"{known[0]:.4g} → {known[-1]:.4g}")


def dots(places: "Sequence[tuple[float, float]]", title: str) -> dg.MetadataValue:
    """Return points of a plane as a small drawing that the web UI shows without a click.

    Args:
        places: x and y of each point, finite; of more than 40 points, at most 40 are drawn.
        title: what they are; only letters, digits, spaces and "-_.," of it are shown.

    Example:
        >>> dots([(0.0, 1.0), (2.0, 3.0)], "instruments")
    """
    if not places:
        return dg.MetadataValue.md(f"{_plain(title)}: nothing to draw")
    across = _scaled([float(x) for x, _ in places], _WIDTH)
    up = _scaled([float(y) for _, y in places], 2 * _HEIGHT)
    chosen = range(0, len(places), math.ceil(len(places) / _MOST_DOTS))
    # A line without length and with round ends is a dot.
    path = "".join(f"M{across[one]} {2 * _HEIGHT - up[one]}h0" for one in chosen)
    shape = f"<path stroke='{_INK}' stroke-width='6' stroke-linecap='round' d='{path}'/>"
    return _drawing(shape, 2 * _HEIGHT, _plain(title), f"{len(places):,} points")


def _plain(title: str) -> str:
    return re.sub(r"[^\w .,-]", "", title)[:60]


def _scaled(values: Sequence[float], length: int) -> list[int]:
    """Return values as whole pixels between the margins of a side of a drawing, the least one first."""
    low, span = min(values), (max(values) - min(values)) or 1.0
    return [round(_MARGIN + (one - low) / span * (length - 2 * _MARGIN)) for one in values]


def _drawing(shape: str, height: int, title: str, text: str) -> dg.MetadataValue:
    """Return a shape in SVG as a picture in Markdown that the web UI shows without a click, followed by a text."""
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{height}'>{shape}</svg>"
    shown = f"![{title}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}) {text}"
    assert len(shown) <= _INLINE, "60 corners of 7 characters or 40 dots of 10 fit"
    return dg.MetadataValue.md(shown)


def files(folder: Path) -> dg.MetadataValue:
    """Return the files of a version as a table, the largest first, with their sizes in MB (1,000,000 bytes)."""
    import pandas as pd

    sizes = {str(one.relative_to(folder)): one.stat().st_size for one in folder.rglob("*") if one.is_file()}
    rows = [(name, f"{size / 1e6:,.3f}") for name, size in sorted(sizes.items(), key=lambda one: (-one[1], one[0]))]
    return table(pd.DataFrame(rows, columns=["file", "MB"]))


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
