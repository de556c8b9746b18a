"""Charts of training histories."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from eval.report.curves import Curves, Panel
from eval.report.figures import in_decibels
from eval.report.numbers import number

_MOST = 400  # points of a curve


def training_charts(histories: Mapping[str, pd.DataFrame]) -> list[Curves]:
    """Return one chart for each training: its loss, and its validation metrics in panels by unit.

    Args:
        histories: training histories by name of the training, with the columns step, loss, seconds (training time so
            far) and validation metrics (names that begin with "valid_"; NaN marks steps without validation).

    Example:
        >>> training_charts({"denoiser": history})[0].question
        'Had “denoiser” stopped improving when it ended?'
    """
    return [_chart(name.replace("_", " "), history) for name, history in histories.items()]


def _chart(name: str, history: pd.DataFrame) -> Curves:
    """Return the chart of one training."""
    panels = [_panel("Training loss", "loss", history, ["loss"])]
    metrics = [one for one in map(str, history.columns) if one.startswith("valid_") and history[one].notna().any()]
    for unit, names in (
        ("validation", [one for one in metrics if not in_decibels(one)]),
        ("validation, dB", [one for one in metrics if in_decibels(one)]),
    ):
        if names:
            panels.append(_panel("On validation data", unit, history.dropna(subset=names, how="all"), names))
    last = history.iloc[-1]
    told = f"{int(last['step']):,} steps in {number(last['seconds'] / 60)} min, last loss {number(last['loss'])}."
    return Curves(f"Had “{name}” stopped improving when it ended?", panels, "step", note=told, marked=False)


def _panel(title: str, unit: str, history: pd.DataFrame, names: list[str]) -> Panel:
    """Return a panel of columns of a history over its steps; of many steps in a row, their mean."""
    parts = np.array_split(np.arange(len(history)), min(_MOST, len(history)))
    steps = [float(history["step"].iloc[one[-1]]) for one in parts]
    curves = {
        name.removeprefix("valid_").replace("_", " "): [float(history[name].iloc[one].mean()) for one in parts]
        for name in names
    }
    return Panel(title, unit, steps, curves, log=True)
