"""Figures for the web UI (training histories, labelled maps) as matplotlib figures, and spectrograms as PNG.

The functions return figures or PNG bytes; they write no files. Charts of reports are in `charts`.
"""

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from matplotlib.image import imsave

from data.signal import log_power
from eval.report.palette import LIGHT, MARKERS


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
    drawn = axes.plot(history["step"], history["loss"], color=LIGHT[0], label="training loss")
    names = [one for one in map(str, history.columns) if one.startswith("valid_")]
    decibels = axes.twinx() if any(map(in_decibels, names)) else None
    for number, name in enumerate(names):
        known = history.dropna(subset=[name])
        style = {"color": LIGHT[number + 1], "marker": MARKERS[number], "ms": 3, "label": name.replace("_", " ")}
        target = decibels if decibels is not None and in_decibels(name) else axes
        drawn += target.plot(known["step"], known[name], **style)
    left = ["loss", *(one for one in names if not in_decibels(one))]
    scale = "log" if bool((history[left].min() > 0).all()) else "linear"  # the loss can be negative, such as one in dB
    axes.set(title=title, xlabel="step", ylabel="loss", yscale=scale)
    axes.grid(visible=True, alpha=0.3)
    if decibels is not None:
        decibels.set_ylabel("dB")
    (decibels or axes).legend(handles=drawn)
    return figure


def in_decibels(name: str) -> bool:
    """Return whether a validation metric is in decibels, by its name."""
    return name.endswith("sdr")


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
        # When the colours repeat, the markers are shifted by one, so up to 56 groups look different.
        colour = LIGHT[number % len(LIGHT)]
        marker = MARKERS[(number + number // len(LIGHT)) % len(MARKERS)]
        axes.scatter(*points[chosen].T, color=colour, marker=marker, label=group)
    for (x, y), label in zip(points, labels, strict=True):
        axes.annotate(label, (x, y), xytext=(4, 4), textcoords="offset points", fontsize=7)
    axes.set(title=title, xticks=[], yticks=[])
    axes.legend(fontsize=8)
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
