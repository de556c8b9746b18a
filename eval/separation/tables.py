"""The tables of the separation chapter, from score frames to cells of text.

A song is an item: medians, intervals and tests go over songs, never over frames. Cells say what they are:
median [95 % interval], a dash where nothing is published or asked, "n/a" where nothing could be measured.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from eval.metrics.sdr import DEFINITIONS
from eval.report.document import Table
from eval.statistics import Median, bootstrap_median
from eval.table import Items, Metric, compare_systems

MIXTURE, CEILING, MASKS, MAIN = "mixture", "codec_ceiling", "masks", "diffusion"
_BOUNDS = {
    MIXTURE: ("Mixture", "lower bound"),
    CEILING: ("Codec ceiling", "upper bound"),
    "IRM1": ("IRM1", "upper bound"),
    "IRM2": ("IRM2", "upper bound"),
    "IBM2": ("IBM2", "upper bound"),
}
_SYSTEMS = {MASKS: "Discriminative network", MAIN: "Latent diffusion"}
_RATIOS = frozenset(DEFINITIONS) - {"MR-STFT", "embedding MSE"}
_PAIRED = ("uSDR", "SI-SDR", "cSIR", "MR-STFT")
_KEPT = "\u00a0"  # a space at which no line breaks
_ILL = 1e-12  # reciprocal condition below which filters are made of rounding errors (`eval.metrics.bss`)


def larger_is_better(metric: str) -> bool:
    """Tell whether a metric is a ratio in decibels; every other one is a distance."""
    return metric in _RATIOS


def name_of(system: str) -> str:
    """Return what a system is called; one that is not ours keeps its name."""
    return _BOUNDS[system][0] if system in _BOUNDS else _SYSTEMS.get(system, system)


def systems_of(scores: pd.DataFrame) -> list[str]:
    """Return the systems in a frame: bounds first, then ours, then others as they come."""
    there = list(dict.fromkeys(scores["system"]))
    known = [*_BOUNDS, *_SYSTEMS]
    return [one for one in known if one in there] + [one for one in there if one not in known]


def learnt_of(scores: pd.DataFrame) -> list[str]:
    """Return the systems that are no bounds."""
    return [one for one in systems_of(scores) if one not in _BOUNDS]


def metrics_of(scores: pd.DataFrame) -> list[str]:
    """Return the metrics in a frame: those of `eval.metrics.sdr` first, then others as they come."""
    return list(dict.fromkeys([*DEFINITIONS, *scores["metric"].dropna()]))


def by_track(scores: pd.DataFrame, source: str = "vocals") -> pd.DataFrame:
    """Return a row for each system and test song, a column a metric of `source`.

    NaN is not applicable, be it that the metric has no value or that the system made nothing of the song.

    Returns:
        Columns system, track, errata and the metrics.
    """
    test = scores[(scores["split"] == "test") & (scores["source"] == source)]
    wide = test.pivot(index=["system", "track"], columns="metric", values="value")
    errata = test.drop_duplicates("track").set_index("track")["errata"]
    pairs = pd.MultiIndex.from_product([systems_of(scores), sorted(errata.index)], names=["system", "track"])
    full = wide.reindex(index=pairs, columns=metrics_of(scores)).astype(float).reset_index()
    full.columns.name = None
    full.insert(2, "errata", full["track"].map(errata))
    return full


def medians(tracks: pd.DataFrame) -> dict[str, dict[str, Median]]:
    """Return the median of each metric over songs, by system, of a frame as `by_track` makes it."""
    metrics = [one for one in tracks.columns if one not in ("system", "track", "errata")]
    return {
        str(system): {one: bootstrap_median(part[one].to_numpy(float)) for one in metrics}
        for system, part in tracks.groupby("system", sort=False)
    }


def figure(value: float | None, metric: str = "uSDR") -> str:
    """Return a value of a metric: decibels in two digits behind the point, distances in three; or a dash."""
    if value is None:
        return "–"
    return "n/a" if np.isnan(value) else f"{value:.{2 if larger_is_better(metric) else 3}f}"


def with_interval(one: Median, metric: str) -> str:
    """Return median [low, high], and over how many songs where it could not be measured on all."""
    if not one.count:
        return "n/a"
    counted = f", {one.count}{_KEPT}of{_KEPT}{one.count + one.missing}" if one.missing else ""
    low, high = (f"{end:.{1 if larger_is_better(metric) else 2}f}" for end in (one.low, one.high))
    return f"{figure(one.median, metric)}\n[{low},{_KEPT}{high}]{counted}"


def heading(metric: str) -> str:
    """Return a metric's name with its unit."""
    return f"{metric}, dB" if larger_is_better(metric) else metric


def systems_tables(scores: pd.DataFrame) -> Iterator[Table]:
    """Yield bounds and systems with every metric: on all test songs, and on those without known defects."""
    tracks = by_track(scores)
    songs = tracks["track"].nunique()
    note = (
        "Ratios in dB, larger is better; distances (no unit), smaller. Intervals: bootstrap over songs"
        + (f"; of {songs} songs they are hardly more than the range. " if songs < 6 else ". ")
        + "“n of N”: the metric has no value on the other songs, or the system made nothing of them. Silent seconds: "
        "those in which some reference or estimate is silent, so that cSDR, cSIR, cSAR and cISR leave them out, of "
        "all. The mixture as estimate has no artifacts: its cSAR is the limit of arithmetic."
    )
    yield _systems_table("Vocals of the test songs: median over songs and 95 % interval", scores, tracks, note)
    marked = tracks[tracks["errata"].fillna("") != ""]
    if marked.empty:
        return
    known = marked.drop_duplicates("track")
    told = "; ".join(f"{one.track}: {one.errata}" for one in known.itertuples())
    clean = tracks[~tracks["track"].isin(known["track"])]
    if not clean.empty:
        yield _systems_table(
            f"The same without the {len(known)} songs of known defects"
            if len(known) > 1
            else "The same without the song of a known defect",
            scores,
            clean,
            f"Left out: {told}.",
        )


def _systems_table(caption: str, scores: pd.DataFrame, tracks: pd.DataFrame, note: str) -> Table:
    """Return every system with every metric over the songs in `tracks`."""
    found, metrics = medians(tracks), metrics_of(scores)
    framed = scores[(scores["source"] == "vocals") & (scores["metric"] == "cSDR")]
    framed = framed[framed["track"].isin(tracks["track"])]
    silent = framed.groupby("system")[["undefined", "frames"]].sum().astype(int)
    rows = []
    for system, values in found.items():
        counted = "n/a"
        if system in silent.index:
            undefined, frames = silent.loc[system]
            counted = f"{undefined:,} of {frames:,}"
        kind = _BOUNDS[system][1] if system in _BOUNDS else "system"
        rows.append(
            [name_of(system), kind, str(max(one.count for one in values.values())),
             *(with_interval(values[metric], metric) for metric in metrics), counted]
        )  # fmt: skip
    encoders = scores["embedding"].dropna().unique() if "embedding" in scores else []
    note += "".join(f" Embedding MSE by: {one}." for one in encoders)
    ill = framed[framed["reciprocal_condition"] < _ILL]["track"].nunique()
    if ill:
        note += f" On {ill} songs the references are all but filtered copies: cSIR, cSAR, cISR mean little there."
    return Table(
        caption, ["System", "Kind", "Songs", *map(heading, metrics), "Silent seconds"], rows, words=2, note=note
    )


def paired_table(tracks: pd.DataFrame, system: str, others: Sequence[str], names: Mapping[str, str]) -> Table:
    """Return `system` minus each other one on the same songs; `tracks` as `by_track` makes it."""
    cells: dict[str, list[str]] = {one: [] for one in others}
    for metric in _PAIRED:
        smaller = not larger_is_better(metric)
        found = compare_systems(tracks, system, others, Metric(metric, smaller), Items("track"))
        for one in found.to_dict("records"):
            cells[one["baseline"]].append(_difference(one))
    return Table(
        f"{names[system]} minus each other, song by song: mean difference and 95 % interval",
        [
            "Minus",
            *(f"{heading(one)} ({'above' if larger_is_better(one) else 'below'} 0 is better)" for one in _PAIRED),
        ],
        [[names[one], *row] for one, row in cells.items()],
        note="On the songs that both have a value of. p: two-sided Wilcoxon signed-rank test over songs, adjusted for "
        "the number of others (Holm); it takes six songs.",
    )


def _difference(one: Mapping[Hashable, Any]) -> str:
    """Return a comparison in words."""
    if not one["count"]:
        return "n/a"
    chance = "n/a" if np.isnan(one["p"]) else "< 0.001" if one["p"] < 0.001 else f"{one['p']:.3f}"
    won = round(one["better"] * one["count"])
    told = f"{one['difference']:+.2f} [{one['low']:+.2f}, {one['high']:+.2f}]"
    return f"{told}\np {chance}; better on {won} of {one['count']}".replace(" ", _KEPT)


def failures_table(scores: pd.DataFrame) -> Table | None:
    """Return what was not made and why, or None."""
    if "reason" not in scores or scores["reason"].isna().all():
        return None
    lost = scores.dropna(subset=["reason"])
    rows = [[name_of(str(one.system)), str(one.track), str(one.reason)] for one in lost.itertuples()]
    return Table("Not made", ["System", "Recording", "Reason"], rows, words=3)


def tracks_table(tracks: pd.DataFrame, order: Sequence[str], metric: str = "uSDR") -> Table:
    """Return one metric of every system song by song, in the order given."""
    wide = tracks.pivot(index="track", columns="system", values=metric)
    systems = list(dict.fromkeys(tracks["system"]))
    errata = tracks.drop_duplicates("track").set_index("track")["errata"].fillna("")
    rows = [
        [track, str(errata[track]) or "–", *(figure(float(wide[one][track]), metric) for one in systems)]
        for track in order
    ]
    columns = ["Song", "Known defect", *(name_of(one) for one in systems)]
    return Table(f"Song by song: {heading(metric)}", columns, rows, words=2)
