"""Charts of the separation report: distribution of scores over songs, and SDR over the seconds of a song."""

from collections.abc import Sequence

import pandas as pd

from eval.report.curves import Curves, Panel
from eval.report.spreads import Spread
from eval.separation.tables import MIXTURE, digits_of, heading, larger_is_better, name_of


def distribution_charts(tracks: pd.DataFrame, metrics: Sequence[str]) -> list[Spread]:
    """Return a chart for each metric: a box per system, a point per song.

    Args:
        tracks: one row per (system, song), as `eval.separation.tables.by_track` returns it.
        metrics: names of the metrics, which are columns of `tracks`. NaN and infinite values are not drawn.
    """
    found = []
    for metric in metrics:
        by_system = tracks.groupby("system", sort=False)
        values = {
            name_of(str(system)): dict(zip(part["track"].astype(str), part[metric].astype(float), strict=True))
            for system, part in by_system
        }
        better = "larger is better" if larger_is_better(metric) else "smaller is better"
        found.append(
            Spread(
                f"How much does the {metric} of the vocals differ from song to song?",
                f"{heading(metric)} ({better})",
                values,
                digits=digits_of(metric),
            )
        )
    return found


def seconds_charts(seconds: pd.DataFrame, order: Sequence[str], systems: Sequence[str]) -> list[Curves]:
    """Return one chart with the SDR of every second of the worst, the median and the best song.

    Args:
        seconds: rows of seconds.parquet (`eval.separation.score.write_scores`).
        order: names of the songs, from the lowest to the highest uSDR of the last of `systems`.
        systems: names of the systems to draw; the mixture is drawn as well.

    Returns:
        A list with the chart; an empty list if `seconds` has none of the songs.
    """
    vocals = seconds[seconds["source"] == "vocals"]
    there = [one for one in order if one in set(vocals["track"])]
    if not there:
        return []
    chosen = {"worst": there[0], "median": there[len(there) // 2], "best": there[-1]}
    panels = []
    for place, track in chosen.items():
        wide = vocals[vocals["track"] == track].pivot(index="second", columns="system", values="sdr")
        shown = [one for one in dict.fromkeys((MIXTURE, *systems)) if one in wide]
        curves = {name_of(one): wide[one].to_numpy(float) for one in shown}
        panels.append(Panel(f"{place}: {track}", "SDR, dB", wide.index.tolist(), curves, digits=1))
    return [
        Curves(
            "In which seconds of a song is the separation good, and in which is it not?",
            panels,
            "second",
            "SDR of every second (museval) of the worst, median and best song by uSDR of "
            f"{name_of(systems[-1])}. Gaps: seconds in which the vocals, the rest or an estimate is silent.",
            wide=True,
            marked=False,
        )
    ]
