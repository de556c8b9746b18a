"""Tables of published results next to the results measured here, each with the definition of its metric.

Results measured on synthetic songs are not comparable with published ones, so the tables do not show them.
"""

from collections.abc import Mapping

import pandas as pd

from eval.intervals import Median
from eval.report.blocks import Table
from eval.separation.paper_results import DIFF_DMX, DIFF_DMX_SOURCE, SISEC, SISEC_DEFINITIONS, SISEC_SOURCE
from eval.separation.tables import figure, medians, name_of

NOT_COMPARABLE = "embedded songs: not comparable"
_Medians = Mapping[str, Mapping[str, Median]]  # median over songs by system and metric


def published_tables(tracks: pd.DataFrame, measured_on: str, *, comparable: bool) -> list[Table]:
    """Return the tables of published results; results measured here have their own columns.

    Args:
        tracks: one row per (system, song), as `eval.separation.tables.by_track` returns it.
        measured_on: description of the songs measured here, for the notes of the tables.
        comparable: True if results on these songs may be compared with published ones. If False, the tables show
            `NOT_COMPARABLE` instead of the values measured here.

    Returns:
        Three tables: SiSEC 2018, arXiv 2511.21342, and the effect of the definition of SDR.
    """
    found = medians(tracks)
    return [
        _sisec_table(found, measured_on, comparable=comparable),
        _diff_dmx_table(found, measured_on, comparable=comparable),
        _definitions_table(),
    ]


def _sisec_table(found: _Medians, measured_on: str, *, comparable: bool) -> Table:
    """Return the results of SiSEC 2018, with the systems measured here in the columns on the right."""
    metrics = ("cSDR", "cSIR", "cSAR", "cISR")

    def here(system: str) -> list[str]:
        if system not in found:
            return ["–"] * (len(metrics) if comparable else 1)
        return [figure(found[system][one].median, one) for one in metrics] if comparable else [NOT_COMPARABLE]

    rows = [
        [row.method, row.what or "submission", *map(figure, (row.csdr, row.csir, row.csar, row.cisr)), *here(row.here)]
        for row in SISEC
    ]
    ours = [one for one in found if one not in {row.here for row in SISEC}]
    rows += [["–", name_of(one), *["–"] * len(metrics), *here(one)] for one in ours]
    columns = [f"{one}, here" for one in metrics] if comparable else ["Measured here"]
    return Table(
        f"Vocals of MUSDB18, dB: {SISEC_SOURCE}",
        ["Method", "What it is", *(f"{one}, published" for one in metrics), *columns],
        rows,
        words=2,
        note="Published: museval, sources vocals and accompaniment, median over the 50 test songs of the median over "
        f"1 s frames, 44.1 kHz stereo. Here: {measured_on}; the same definitions. The ideal masks differ "
        "slightly: here they divide by vocals and accompaniment, in SiSEC 2018 by all four sources.",
    )


def _diff_dmx_table(found: _Medians, measured_on: str, *, comparable: bool) -> Table:
    """Return Table 1 of arXiv 2511.21342, with the metric definition of each value."""
    rows = []
    for row in DIFF_DMX:
        system, metric = row.here or ("", "")
        mine, defined = "–", "–"
        if system in found:
            mine, defined = (figure(found[system][metric].median), metric) if comparable else (NOT_COMPARABLE, "–")
        counts = [str(one) if one is not None else "–" for one in (row.passes, row.parameters)]
        rows.append(
            [row.system, row.metric, defined, "yes" if row.generative else "no", row.extra_data, *counts,
             figure(row.sdr), mine]
        )  # fmt: skip
    return Table(
        f"Vocals of MUSDB18-HQ, “SDR” in dB: {DIFF_DMX_SOURCE}",
        ["System", "Definition, published", "Definition, here", "Generative", "Extra data", "Passes",
         "Parameters, M", "Published", "Measured here"],
        rows,
        words=5,
        note="Median over songs. The paper heads the column “utterance-level SDR” (uSDR), yet its oracle equals "
        "SiSEC 2018's IRM2 and its HT-Demucs numbers of the literature, which are medians over 1 s frames (cSDR): rows "
        "of different definitions do not compare. Parameters as printed; no HT-Demucs of 346 M is known. The last row "
        f"is the system built here. Here: {measured_on}.",
    )  # fmt: skip


def _definitions_table() -> Table:
    """Return a table of the same frame scores aggregated in three ways, with three different results."""
    rows = [
        [row.method, *map(figure, (row.median_of_medians, row.mean_of_medians, row.mean_of_means))]
        for row in SISEC_DEFINITIONS
    ]
    return Table(
        f"One set of scores, three numbers called “SDR”, dB: {SISEC_SOURCE}",
        ["Method", "median of medians (cSDR)", "mean of medians", "mean of means"],
        rows,
        note="Published scores only, gathered over the frames of a song, then over songs. uSDR, of whole songs, is a "
        "fourth; BSS Eval on sources, which forgives filtering, a fifth. So every number here has the name of its "
        "definition.",
    )
