"""Figures of scores, training histories and spectrograms, as matplotlib figures and PNG.

The functions return figures, PNG bytes or blocks of a report; they write no files.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.image import imsave

from data.signal import log_power
from eval.intervals import Interval
from eval.report.document import COLOURS, Picture

_MARKERS = "osv^DXPd"


def png(figure: Figure, dots_per_inch: int = 90) -> bytes:
    """Return a figure as the bytes of a PNG file, cropped to its content."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dots_per_inch, bbox_inches="tight")
    return buffer.getvalue()


def loss_curves(history: pd.DataFrame, title: str) -> Figure:
    """Draw the training loss and all validation metrics of a training history over the training steps.

    Metrics in decibels have a separate axis on the right.

    Args:
        history: training history with the columns step, loss and validation metrics (names that begin with "valid_").
            NaN marks steps without validation.
        title: title of the figure.
    """
    figure = Figure(figsize=(7, 3.2))
    axes = figure.subplots()
    drawn = axes.plot(history["step"], history["loss"], color=COLOURS[0], label="training loss")
    names = [one for one in map(str, history.columns) if one.startswith("valid_")]
    decibels = axes.twinx() if any(map(_in_decibels, names)) else None
    for number, name in enumerate(names):
        known = history.dropna(subset=[name])
        style = {"color": COLOURS[number + 1], "marker": _MARKERS[number], "ms": 3, "label": name.replace("_", " ")}
        target = decibels if decibels is not None and _in_decibels(name) else axes
        drawn += target.plot(known["step"], known[name], **style)
    left = ["loss", *(one for one in names if not _in_decibels(one))]
    scale = "log" if bool((history[left].min() > 0).all()) else "linear"  # the loss can be negative, such as one in dB
    axes.set(title=title, xlabel="step", ylabel="loss", yscale=scale)
    axes.grid(visible=True, alpha=0.3)
    if decibels is not None:
        decibels.set_ylabel("dB")
    (decibels or axes).legend(handles=drawn)
    return figure


def _in_decibels(name: str) -> bool:
    """Return whether a validation metric is in decibels, by its name."""
    return name.endswith("sdr")


def training_pictures(histories: Mapping[str, pd.DataFrame]) -> list[Picture]:
    """Return one picture of loss curves for each training, with its length and last loss in words.

    Args:
        histories: training histories by name of the training, with the columns step, loss, seconds (training time so
            far) and validation metrics (`loss_curves`).
    """
    found = []
    for name, history in histories.items():
        last = history.iloc[-1]
        words = f"{name}: {int(last['step']):,} steps in {last['seconds'] / 60:.1f} min, last loss {last['loss']:.4g}"
        found.append(Picture(png(loss_curves(history, name)), f"Loss curves. {words}", words))
    return found


def intervals(values: Mapping[str, Interval], title: str, unit: str) -> Figure:
    """Draw means with their 95 % intervals, one row for each.

    Args:
        values: the intervals by name of the row.
        title: title of the figure.
        unit: label of the horizontal axis.
    """
    figure = Figure(figsize=(7, 0.6 + 0.42 * len(values)))
    axes = figure.subplots()
    for row, (name, one) in enumerate(values.items()):
        axes.plot([one.low, one.high], [row, row], color=COLOURS[0], lw=2)
        axes.plot(one.mean, row, "o", color=COLOURS[0])
        axes.annotate(f"{one.mean:.3g}", (one.mean, row), xytext=(0, 6), textcoords="offset points", ha="center")
        del name
    axes.set_yticks(range(len(values)), list(values))
    axes.set(title=title, xlabel=unit, ylim=(len(values) - 0.4, -0.7))
    axes.grid(visible=True, axis="x", alpha=0.3)
    return figure


def distributions(values: Mapping[str, np.ndarray], title: str, unit: str) -> Figure:
    """Draw the distribution of a metric over items as one box plot for each system, with a point for each item.

    Args:
        values: values of the items by system, shape (items,). NaN and infinite values are left out, and so are systems
            that have no others.
        title: title of the figure.
        unit: label of the horizontal axis.
    """
    figure = Figure(figsize=(7, 0.8 + 0.5 * len(values)))
    axes = figure.subplots()
    kept = {name: one[np.isfinite(one)] for name, one in values.items() if np.isfinite(one).any()}
    axes.boxplot(list(kept.values()), orientation="horizontal", tick_labels=list(kept), showfliers=False, widths=0.6)
    generator = np.random.default_rng(0)
    size, opacity = (3, 0.4) if max(map(len, kept.values()), default=0) > 60 else (7, 0.7)
    for row, one in enumerate(kept.values(), 1):
        axes.plot(one, row + generator.uniform(-0.2, 0.2, len(one)), ".", color=COLOURS[0], ms=size, alpha=opacity)
    axes.invert_yaxis()
    axes.set(title=title, xlabel=unit)
    axes.grid(visible=True, axis="x", alpha=0.3)
    return figure


def scatter(points: np.ndarray, labels: Sequence[str], groups: Sequence[str], title: str) -> Figure:
    """Draw a labelled scatter plot without axis values; each group has a colour and a marker.

    Args:
        points: positions, shape (items, 2).
        labels: text beside each point.
        groups: group of each point.
        title: title of the figure.
    """
    figure = Figure(figsize=(6, 5.2))
    axes = figure.subplots()
    for number, group in enumerate(sorted(set(groups))):
        chosen = np.array([one == group for one in groups])
        # When the colours repeat, the markers are shifted by one, so up to 64 groups look different.
        colour = COLOURS[number % len(COLOURS)]
        marker = _MARKERS[(number + number // len(COLOURS)) % len(_MARKERS)]
        axes.scatter(*points[chosen].T, color=colour, marker=marker, label=group)
    for (x, y), label in zip(points, labels, strict=True):
        axes.annotate(label, (x, y), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axes.set(title=title, xticks=[], yticks=[])
    axes.legend(fontsize=8)
    return figure


def lines(x: Sequence[float], curves: Mapping[str, Sequence[float]], title: str, names: tuple[str, str]) -> Figure:
    """Draw curves over a common horizontal axis.

    Args:
        x: positions of the values on the horizontal axis.
        curves: values of each curve by its name in the legend, as many as `x`.
        title: title of the figure.
        names: labels of the horizontal and the vertical axis.
    """
    figure = Figure(figsize=(7, 3.2))
    axes = figure.subplots()
    for number, (label, values) in enumerate(curves.items()):
        colour, marker = COLOURS[number % len(COLOURS)], _MARKERS[number % len(_MARKERS)]
        axes.plot(x, values, marker=marker, ms=3, color=colour, label=label)
    axes.set(title=title, xlabel=names[0], ylabel=names[1])
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=8)
    return figure


@dataclass(frozen=True)
class Panel:
    """The content of one panel in a figure of several panels.

    Attributes:
        title: title of the panel.
        unit: label of the vertical axis.
        x: positions of the values on the horizontal axis.
        curves: values of each curve by its name in the legend, as many as `x`; NaN leaves a gap.
        ticks: labels of the positions `x`; without them the axis shows numbers.
    """

    title: str
    unit: str
    x: Sequence[float]
    curves: Mapping[str, Sequence[float] | np.ndarray]
    ticks: Sequence[str] = ()


def panels(parts: Sequence[Panel], x_name: str, *, columns: int, marker: bool = True) -> Figure:
    """Draw several panels in one figure with a common legend; curves of the same name look the same in all panels.

    Args:
        parts: the panels, from left to right and from top to bottom.
        x_name: label of the horizontal axis of each panel.
        columns: number of panels in a row.
        marker: whether to mark each value of a curve.
    """
    names = list(dict.fromkeys(name for part in parts for name in part.curves))
    rows = -(-len(parts) // columns)
    figure = Figure(figsize=(10, 0.6 + 2.5 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    handles = {}
    for axes, part in zip(grid, parts, strict=False):
        for name, values in part.curves.items():
            place = names.index(name)
            shape = _MARKERS[place % len(_MARKERS)] if marker else ""
            colour = COLOURS[place % len(COLOURS)]
            (handles[name],) = axes.plot(part.x, values, color=colour, marker=shape, ms=4, lw=1.3)
        # A title may contain the name of a song, in which "$" is an ordinary character.
        axes.set_title(part.title, fontsize=10, parse_math=False)
        axes.set(xlabel=x_name, ylabel=part.unit)
        if part.ticks:
            axes.set_xticks(part.x, part.ticks)
        axes.grid(visible=True, alpha=0.3)
    for axes in grid[len(parts) :]:
        axes.remove()
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, fontsize=9)
    return figure


def spectrogram(wave: np.ndarray, *, width: int = 150, height: int = 75) -> bytes:
    """Return the log power spectrogram of a sound as the bytes of a small PNG file, low frequencies at the bottom.

    It shows log(1 + power) (natural logarithm) from 0 Hz to a quarter of the sample rate. The colour scale is fixed, 0
    to 9, so that pictures are comparable.

    Args:
        wave: float, shape (T,), full scale [-1, 1], at least 1,024 samples.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    power = log_power(torch.from_numpy(np.ascontiguousarray(wave, np.float32)))  # (F, N)
    # Nearly all the energy of a note is in the lower half of the spectrum.
    low = power[: power.shape[0] // 2]
    pooled = torch.nn.functional.adaptive_max_pool2d(low[None], (height, width))[0]
    scaled = (pooled / 9.0).clamp(0, 1).flip(0).numpy()
    buffer = io.BytesIO()
    imsave(buffer, scaled, cmap="magma", vmin=0, vmax=1, format="png")
    return buffer.getvalue()
