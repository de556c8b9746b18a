"""Tables of published results next to the results measured here, each with the definition of its metric.

Results measured on synthetic singing are not comparable with published ones, so the tables do not show them.
"""

import pandas as pd

from eval.conversion.comparisons import mean_of
from eval.conversion.measures import CORR, MEASURES, RMSE_LN, figure
from eval.conversion.paper_results import (
    DEMO,
    DEMO_SOURCE,
    DEMO_SYSTEMS,
    NOT_PUBLISHED,
    PAPER,
    PAPER_CONDITIONS,
    PAPER_SOURCE,
    PEERS,
    PEERS_SOURCE,
)
from eval.conversion.systems import CLEAN, MAIN, condition_name, name_of, systems_of
from eval.report.blocks import Table

NOT_COMPARABLE = "embedded singers: not comparable"


def published_tables(scores: pd.DataFrame, measured_on: str, *, comparable: bool) -> list[Table]:
    """Return the tables of published results; results measured here have their own columns.

    Args:
        scores: rows of scores.parquet (`eval.conversion.score`).
        measured_on: description of the clips measured here, for the notes of the tables.
        comparable: True if results on these clips may be shown beside published ones. If False, the tables show
            `NOT_COMPARABLE` instead of the values measured here.

    Returns:
        Three tables: F0RMSE and F0CORR of arXiv 2502.04722, the definitions of F0RMSE on its examples, and peers.
    """
    return [
        _paper_table(scores, measured_on, comparable=comparable),
        _definitions_table(scores, comparable=comparable),
        _peers_table(scores, comparable=comparable),
    ]


def _here(scores: pd.DataFrame, system: str, measure: str, condition: str, *, comparable: bool) -> str:
    """Return the mean measured here as text: a dash if there is none, or that it is not comparable."""
    if system not in set(scores["system"]) or measure not in scores:
        return "–"
    if not comparable:
        return NOT_COMPARABLE
    return figure(mean_of(scores, system, measure, condition), measure)


def _paper_table(scores: pd.DataFrame, measured_on: str, *, comparable: bool) -> Table:
    """Return the values of arXiv 2502.04722 that are known, with ours beside them, a row per system and metric."""
    rows = []
    for measure, name in ((RMSE_LN, "F0RMSE"), (CORR, "F0CORR")):
        for row in PAPER:
            known = row.rmse if measure == RMSE_LN else row.corr
            published = [figure(known[one], measure) if one in known else NOT_PUBLISHED for one in PAPER_CONDITIONS]
            ours = [_here(scores, row.here, measure, one, comparable=comparable) for one in PAPER_CONDITIONS]
            if not comparable:
                ours = ours[:1]
            rows.append([row.system, f"{name}: {MEASURES[measure].heading} here", *published, *ours])
    shown = [condition_name(one) for one in PAPER_CONDITIONS]
    columns = [f"{one}, here" for one in shown] if comparable else ["Measured here"]
    return Table(
        f"F0RMSE and F0CORR from clean to 0 dB: {PAPER_SOURCE}",
        ["System", "Metric", *(f"{one}, published" for one in shown), *columns],
        rows,
        words=2,
        note="Published values as reviews of the paper quote them; “not published”: not known here. The paper does not "
        "state the unit of its F0RMSE. The definition that fits its pair of values best is the natural logarithm of F0 "
        "on frames voiced in both, with the key kept (see the next table), so that stands beside it. It is moved "
        "by the key in which a system sings: read the key-free error too. The singers (target Opencpop) and songs are "
        f"others. Here: {measured_on}, means over clips.",
    )


def _definitions_table(scores: pd.DataFrame, *, comparable: bool) -> Table:
    """Return one set of sounds under several definitions of F0RMSE and F0CORR."""
    rows = []
    for row in DEMO:
        mine = "–"
        if row.here:
            mine = _here(scores, MAIN, row.here, CLEAN, comparable=comparable)
        rows.append([row.definition, row.here or "–", *(f"{one:g}" for one in row.values), mine])
    return Table(
        f"One set of sounds, seven numbers called F0RMSE or F0CORR: {DEMO_SOURCE}",
        ["Definition", "Column here", *(f"{one}, published sounds" for one in DEMO_SYSTEMS), "Proposed here, clean"],
        rows,
        words=2,
        note="Four clean examples, measured with Praat's autocorrelation at the best lag of at most 60 ms; indicative "
        "only. The paper prints 0.165 for Original Pitch&Energy and 0.169 for its own system.",
    )


def _peers_table(scores: pd.DataFrame, *, comparable: bool) -> Table:
    """Return results of other systems without accompaniment, and ours."""
    rows = [
        [one.system, one.data, f"{one.corr:.4f}", f"{one.rmse_hz:.2f}", f"{one.similarity:.4f}",
         f"{one.character_error:.1f} %"]
        for one in PEERS
    ]  # fmt: skip
    for system in systems_of(scores):
        cells = [
            _here(scores, system, one, CLEAN, comparable=comparable)
            for one in (CORR, "f0_rmse_hz", "speaker_target", "character_error")
        ]
        rows.append([f"{name_of(system)}, here", "clean voices", *cells])
    return Table(
        f"Other systems, without accompaniment: {PEERS_SOURCE}",
        ["System", "Data", "F0CORR", "F0RMSE, Hz", "Speaker similarity", "Character error"],
        rows,
        words=2,
        note="Published: trackers, encoders and recognisers of their own, so numbers show an order of size only. "
        "Speaker similarities by different encoders do not compare.",
    )
