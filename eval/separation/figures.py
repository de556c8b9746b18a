"""Plots of the separation report: distribution of scores over songs, and SDR over the seconds of a song."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from eval.report.document import Picture
from eval.report.figures import Panel, distributions, panels, png
from eval.separation.tables import MIXTURE, figure, heading, larger_is_better, name_of


def distribution_pictures(tracks: pd.DataFrame, metrics: Sequence[str]) -> list[Picture]:
    """Return a box plot over songs for each metric, one box per system.

    Args:
        tracks: one row per (system, song), as `eval.separation.tables.by_track` returns it.
        metrics: names of the metrics, which are columns of `tracks`. NaN and infinite values are not drawn.
    """
    found = []
    for metric in metrics:
        by_system = tracks.groupby("system", sort=False)[metric]
        values = {name_of(str(system)): part.to_numpy(float) for system, part in by_system}
        known = {name: one for name, one in values.items() if np.isfinite(one).any()}
        medians = ", ".join(f"{name} {figure(float(np.nanmedian(one)), metric)}" for name, one in known.items())
        better = "larger is better" if larger_is_better(metric) else "smaller is better"
        drawn = distributions(known, f"{metric} of the vocals, a point a song", f"{heading(metric)} ({better})")
        alt = f"Box plots of {metric} by system, a point a song; medians: {medians}"
        found.append(Picture(png(drawn), alt, f"{metric}: distribution over songs."))
    return found


def seconds_pictures(seconds: pd.DataFrame, order: Sequence[str], systems: Sequence[str]) -> list[Picture]:
    """Return one picture with the SDR of every second of the worst, the median and the best song.

    Args:
        seconds: rows of seconds.parquet (`eval.separation.score.write_scores`).
        order: names of the songs, from the lowest to the highest uSDR of the last of `systems`.
        systems: names of the systems to draw; the mixture is drawn as well.

    Returns:
        A list with the picture; an empty list if `seconds` has none of the songs.
    """
    vocals = seconds[seconds["source"] == "vocals"]
    there = [one for one in order if one in set(vocals["track"])]
    if not there:
        return []
    chosen = {"worst": there[0], "median": there[len(there) // 2], "best": there[-1]}
    parts, descriptions = [], []
    for place, track in chosen.items():
        wide = vocals[vocals["track"] == track].pivot(index="second", columns="system", values="sdr")
        shown = [one for one in dict.fromkeys((MIXTURE, *systems)) if one in wide]
        curves = {name_of(one): wide[one].to_numpy(float) for one in shown}
        parts.append(Panel(f"{place}: {track}", "SDR, dB", wide.index.tolist(), curves))
        known = {name: one for name, one in curves.items() if np.isfinite(one).any()}
        middle = ", ".join(f"{name} {np.nanmedian(one):.2f} dB" for name, one in known.items())
        descriptions.append(f"{place}, {track}: {middle or 'no second with a value'}")
    return [
        Picture(
            png(panels(parts, "second", columns=1, marker=False)),
            f"Curves of the SDR of every second. Medians: {'; '.join(descriptions)}",
            "SDR of every second (museval) of the worst, median and best song by uSDR of "
            f"{name_of(systems[-1]).lower()}. Gaps: seconds in which the vocals, the rest or an estimate is silent.",
        )
    ]
