"""Tables of the separation report on systems and songs, and the frames and text formats that they need.

Medians, intervals and tests are taken over songs, never over the frames of a song. A cell is "median [95 % interval]",
a dash if there is no such value, or "no value" if the value could not be measured.

A "frame of scores" here has the rows of scores.parquet (`eval.separation.score.write_scores`).
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from eval.intervals import Median, median_interval
from eval.metrics.bss import ILL_CONDITIONED
from eval.metrics.sdr import DEFINITIONS, DISTANCES, RATIOS
from eval.report.blocks import Table
from eval.report.naming import with_setting
from eval.report.numbers import UNKNOWN, chance, number, number_of
from eval.report.numbers import with_interval as _told
from eval.report.palette import Palette
from eval.table import Items, Metric, compare_systems

MIXTURE, CEILING, MASKS, MAIN = "mixture", "codec_ceiling", "masks", "diffusion"
REFINED = "refine"
_BOUNDS = {
    MIXTURE: ("Mixture", "lower bound"),
    CEILING: ("Codec ceiling", "upper bound"),
    "IRM1": ("IRM1", "upper bound"),
    "IRM2": ("IRM2", "upper bound"),
    "IBM2": ("IBM2", "upper bound"),
}
_SYSTEMS = {MASKS: "Discriminative network", REFINED: "Discriminative network, refined", MAIN: "Latent diffusion"}
_LEADING = ("uSDR", "specific loudness error", "cSDR")  # the metrics that matter most
_PAIRED = ("uSDR", "SI-SDR", "cSIR", "specific loudness error")
_KEPT = "\u00a0"  # non-breaking space


def larger_is_better(metric: str) -> bool:
    """Return whether larger values of a metric are better."""
    return metric in DEFINITIONS and metric not in DISTANCES


def name_of(system: str) -> str:
    """Return the display name of a system, with its setting; the name itself for a system that is not known here."""
    return with_setting(system, _BOUNDS[system][0] if system in _BOUNDS else _SYSTEMS.get(system, system))


def palette_of(scores: pd.DataFrame) -> Palette:
    """Return the looks of the systems in a frame of scores; the main one is the first, bounds are grey."""
    learnt = learnt_of(scores)
    first = [one for one in (MAIN, MASKS, REFINED) if one in learnt]
    others = [one for one in learnt if one not in first]
    bounds = [one for one in systems_of(scores) if one in _BOUNDS]
    return Palette([name_of(one) for one in (*first, *others)], [name_of(one) for one in bounds])


def systems_of(scores: pd.DataFrame) -> list[str]:
    """Return the systems in a frame of scores: bounds, "masks", "refine", "diffusion", then others as they appear."""
    there = list(dict.fromkeys(scores["system"]))
    known = [*_BOUNDS, *_SYSTEMS]
    return [one for one in known if one in there] + [one for one in there if one not in known]


def learnt_of(scores: pd.DataFrame) -> list[str]:
    """Return the systems in a frame of scores that are not bounds, in the order of `systems_of`."""
    return [one for one in systems_of(scores) if one not in _BOUNDS]


def metrics_of(scores: pd.DataFrame) -> list[str]:
    """Return all metrics of `eval.metrics.sdr`, present or not, the most important first, then others of `scores`."""
    return list(dict.fromkeys([*_LEADING, *DEFINITIONS, *scores["metric"].dropna()]))


def by_track(scores: pd.DataFrame, source: str = "vocals", split: str = "test") -> pd.DataFrame:
    """Return the scores of one source with one row per (system, song) and one column per metric.

    Args:
        scores: rows of scores.parquet (`eval.separation.score.write_scores`).
        source: "vocals" or "accompaniment".
        split: split of the songs.

    Returns:
        Columns `system`, `track`, `errata` and the metrics. Every system has a row for every song that any system has
        scores of. NaN means that the metric is not defined, or that the system has no estimate of the song.

    Example:
        >>> tracks = by_track(pd.read_parquet("scores.parquet"))
        >>> tracks[tracks["system"] == "diffusion"]["uSDR"].median()
    """
    part = scores[(scores["split"] == split) & (scores["source"] == source)]
    wide = part.pivot(index=["system", "track"], columns="metric", values="value")
    errata = part.drop_duplicates("track").set_index("track")["errata"]
    pairs = pd.MultiIndex.from_product([systems_of(scores), sorted(errata.index)], names=["system", "track"])
    full = wide.reindex(index=pairs, columns=metrics_of(scores)).astype(float).reset_index()
    full.columns.name = None
    full.insert(2, "errata", full["track"].map(errata))
    return full


def medians(tracks: pd.DataFrame) -> dict[str, dict[str, Median]]:
    """Return the median over songs with its 95 % interval, by system and metric.

    Args:
        tracks: one row per (system, song), as `by_track` returns it.

    Example:
        >>> medians(by_track(scores))["diffusion"]["uSDR"].median
    """
    metrics = [one for one in tracks.columns if one not in ("system", "track", "errata")]
    return {
        str(system): {one: median_interval(part[one].to_numpy(float)) for one in metrics}
        for system, part in tracks.groupby("system", sort=False)
    }


def digits_of(metric: str) -> int:
    """Return the digits after the point of a value of a metric without interval: two of dB, three of others."""
    return 2 if metric in RATIOS else 3


def figure(value: float | None, metric: str = "uSDR") -> str:
    """Return a value as text: dB with two decimals, others with three, "no value" for NaN, a dash for None."""
    return number(value, digits=digits_of(metric))


def with_interval(one: Median, metric: str) -> str:
    """Return "median [low, high]" as text, and the number of songs if some of them have no value."""
    if not one.count:
        return UNKNOWN
    counted = f", {one.count}{_KEPT}of{_KEPT}{one.count + one.missing}" if one.missing else ""
    value, _, shown = _told(one.median, one.low, one.high, digits=digits_of(metric)).partition(" ")
    return f"{value}\n{shown.replace(' ', _KEPT)}{counted}"


def heading(metric: str) -> str:
    """Return the name of a metric with its unit."""
    return f"{metric}, {'ms' if metric == 'lag' else 'dB'}" if metric in RATIOS or metric == "lag" else metric


def systems_tables(scores: pd.DataFrame) -> Iterator[Table]:
    """Yield tables of all bounds and systems with all metrics of the vocals.

    The first table is on all test songs. If some songs have known defects (column `errata`), and others do not, a
    second table is on those without.
    """
    tracks = by_track(scores)
    note = (
        "Ratios in dB, larger is better; distances (no unit), smaller. Intervals: exact, over songs; fewer than six "
        "have none. “n of N”: the metric has no value on the other songs, or the system made nothing of them. Silent "
        "seconds: those in which some reference or estimate is silent, so that cSDR, cSIR, cSAR and cISR leave them "
        "out, of all. The mixture as estimate has no artifacts: its cSAR is the limit of arithmetic."
    )
    yield _systems_table("Vocals of the test songs: median over songs and 95 % interval", scores, tracks, note)
    marked = tracks[tracks["errata"].fillna("") != ""]
    if marked.empty:
        return
    known = marked.drop_duplicates("track")
    defects = "; ".join(f"{one.track}: {one.errata}" for one in known.itertuples())
    clean = tracks[~tracks["track"].isin(known["track"])]
    if not clean.empty:
        yield _systems_table(
            f"The same without the {number_of(len(known), 'song')} of known defects"
            if len(known) > 1
            else "The same without the song of a known defect",
            scores,
            clean,
            f"Left out: {defects}.",
        )


def _systems_table(caption: str, scores: pd.DataFrame, tracks: pd.DataFrame, note: str) -> Table:
    """Return a table of all systems with all metrics over the songs in `tracks`.

    Args:
        caption: caption of the table.
        scores: rows of scores.parquet, from which frame counts and names of encoders are taken.
        tracks: one row per (system, song), as `by_track` returns it.
        note: start of the note below the table.
    """
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
    encoders = scores["encoder"].dropna().unique() if "encoder" in scores else []
    note += "".join(f" Voice similarity by: {one}." for one in encoders) + _warnings(scores, tracks)
    ill = framed[framed["reciprocal_condition"] < ILL_CONDITIONED]["track"].nunique()
    if ill:
        note += (
            f" On {number_of(ill, 'song')} the references are all but filtered copies: cSIR, cSAR and cISR mean little."
        )
    return Table(
        caption, ["System", "Kind", "Songs", *map(heading, metrics), "Silent seconds"], rows, words=2, note=note, lead=6
    )


def _warnings(scores: pd.DataFrame, tracks: pd.DataFrame) -> str:
    """Return sentences on estimates that are muted or late; "" if there are none."""
    vocals = scores[(scores["source"] == "vocals") & scores["track"].isin(tracks["track"])]
    muted = vocals[vocals["metric"] == "cSDR, muted 0"].groupby("system")["undefined"].sum()
    late = vocals[(vocals["metric"] == "lag") & (vocals["value"].abs() > 0)].groupby("system")["track"].nunique()
    told = [
        f"{name_of(str(one))} mutes {number_of(int(count), 'second')} of vocals"
        for one, count in muted.items()
        if count
    ]
    told += [
        f"{name_of(str(one))} is early or late on {number_of(int(count), 'song')}, whose ratios mean little"
        for one, count in late.items()
    ]
    return "".join(f" {one}." for one in told)


def paired_table(tracks: pd.DataFrame, system: str, others: Sequence[str], names: Mapping[str, str]) -> Table:
    """Return a table of paired differences between one system and each other system on the same songs.

    Args:
        tracks: one row per (system, song), as `by_track` returns it.
        system: system from whose scores the others are subtracted.
        others: systems that are subtracted.
        names: display name of each system.
    """
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
    """Return one row of `eval.table.compare_systems` as text: difference, interval, p-value and songs won."""
    if not one["count"]:
        return UNKNOWN
    won = round(one["better"] * one["count"])
    text = _told(one["difference"], one["low"], one["high"], signed=True)
    return f"{text}\np {chance(one['p'])}; better on {won} of {one['count']}".replace(" ", _KEPT)


def failures_table(scores: pd.DataFrame) -> Table | None:
    """Return a table of the missing estimates with their reasons; None if no estimate is missing."""
    if "reason" not in scores or scores["reason"].isna().all():
        return None
    lost = scores.dropna(subset=["reason"])
    rows = [[name_of(str(one.system)), str(one.track), str(one.reason)] for one in lost.itertuples()]
    return Table("Not made", ["System", "Recording", "Reason"], rows, words=3)


def tracks_table(tracks: pd.DataFrame, order: Sequence[str], metric: str = "uSDR") -> Table:
    """Return a table of one metric with one row per song and one column per system.

    Args:
        tracks: one row per (system, song), as `by_track` returns it.
        order: names of the songs, in the order of the rows.
        metric: name of the metric.
    """
    wide = tracks.pivot(index="track", columns="system", values=metric)
    systems = list(dict.fromkeys(tracks["system"]))
    errata = tracks.drop_duplicates("track").set_index("track")["errata"].fillna("")
    rows = [
        [track, str(errata[track]) or "–", *(figure(float(wide[one][track]), metric) for one in systems)]
        for track in order
    ]
    columns = ["Song", "Known defect", *(name_of(one) for one in systems)]
    return Table(f"Song by song: {heading(metric)}, worst first by the main system", columns, rows, words=2)
