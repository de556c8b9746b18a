"""Tables of listening tests: systems, pairs of systems, choices, agreement, and metrics against ratings.

Their columns and notes explain themselves, so that they can be read alone: in a report, a terminal, or LaTeX.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import pandas as pd

from eval.listening.agreement import alpha_of
from eval.listening.choices import Choice, detections, preferences
from eval.listening.correlation import ALL, correlations
from eval.listening.kinds import KINDS, Kind
from eval.listening.opinion import opinion_of
from eval.listening.power import more_ratings
from eval.listening.ratings import Ratings
from eval.listening.screening import RULES, screened
from eval.report.blocks import Table, Text
from eval.report.document import Block
from eval.report.numbers import UNKNOWN, chance, number, number_of, percent, with_interval
from eval.statistics import compare, holm


@dataclass(frozen=True)
class Subject:
    """What the tables of a system of the project say beside the ratings.

    Attributes:
        name: name of the system, such as "separation".
        named: function that returns the display name of a contestant.
        published: published mean and half width of its interval, by kind of test and contestant; of a choice the
            share of the first, by "FIRST SECOND".
        scores: one row per sound, with "item", "system" and a column per metric; may be empty.
        metrics: names of the metrics.
        kinds: kind of each contestant, such as "masking", for the correlations.
        commit: commit of the models that the report is about; a test of another one is marked. "" for none.
        headings: display name by metric; others are shown by their own.
    """

    name: str
    named: Callable[[str], str] = str
    published: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    scores: pd.DataFrame = field(default_factory=pd.DataFrame)
    metrics: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    headings: Mapping[str, str] = field(default_factory=dict)


def listening_blocks(ratings: Ratings, subject: Subject) -> list[Block]:
    """Return the section "Listening tests" of a report; empty if nobody has rated it, or tried to.

    Example:
        >>> listening_blocks(collected(Path("test")), Subject("separation"))
    """
    blocks: list[Block] = []
    for test, rows in ratings.about(subject.name).items():
        blocks += [_told(ratings, test, rows, subject), *_test_blocks(rows, subject)]
    mine = [test for test, told in ratings.tests.items() if told["subject"] == subject.name]
    lost = left_out(ratings.quarantine[ratings.quarantine["test"].isin(mine)])
    return [*blocks, lost] if lost is not None else blocks


def left_out(quarantine: pd.DataFrame) -> Table | None:
    """Return the table of sessions that were not used, counted by the kind of reason; None if there are none."""
    if not len(quarantine):
        return None
    counts = quarantine["reason"].str.partition(":")[0].value_counts()
    told = [[str(reason), str(count)] for reason, count in counts.items()]
    return Table("Sessions that were not used", ["Reason", "Sessions"], told)


def _told(ratings: Ratings, test: str, rows: pd.DataFrame, subject: Subject) -> Text:
    """Return the paragraph before the tables of a test: who rated what, how many agree, and of which models."""
    kind, told = KINDS[ratings.tests[test]["kind"]], ratings.tests[test]["provenance"]
    commit = str(told.get("commit", ""))
    other = subject.commit and commit and commit != subject.commit
    return Text(
        f"{kind.title}, test {test}: “{kind.question}” {number_of(rows['listener'].nunique(), 'listener')}, "
        f"{number_of(rows['item'].nunique(), 'item')}, {number_of(len(rows), 'rating')}. Agreement between listeners "
        f"(Krippendorff's alpha; 1 is full, 0 is chance): {_plain(alpha_of(rows))}."
        + (f" The sounds were made at commit {commit}, not at that of this report." if other else "")
    )


def _test_blocks(rows: pd.DataFrame, subject: Subject) -> Iterator[Block]:
    """Yield the tables of one test."""
    kind = KINDS[str(rows["kind"].iloc[0])]
    if kind.choice:
        yield _choices(rows, kind, subject)
        return
    kept, excluded = screened(rows)
    rule = RULES["bs1534" if kind.compared == 0 else "crowdmos"]
    note = f"Listeners left out ({rule}): {len(excluded)}. "
    if not len(kept):
        yield Text(f"{note}Nobody is left.")
        return
    yield _systems(kept, kind, subject, note)
    pairs = _pairs(kept, subject)
    if pairs is not None:
        yield pairs
    if len(subject.scores) and subject.metrics:
        yield from _metrics(kept, subject)


def _systems(rows: pd.DataFrame, kind: Kind, subject: Subject, note: str) -> Table:
    """Return the table of the systems: mean opinion with its interval, and what is published."""
    published = subject.published.get(kind.name, {})
    lines = []
    for (_, system), part in rows.groupby([rows["role"] == "anchor", "system"], sort=False):
        one = opinion_of(part)
        shown = with_interval(one.mean, one.low, one.high)
        counts = [str(one.listeners), str(one.items), str(one.ratings)]
        lines.append((one.mean, [subject.named(str(system)), shown, *counts, _published(published.get(str(system)))]))
    columns = ["System", f"Mean, {kind.low:g} to {kind.high:g}", "Listeners", "Items", "Ratings", "In the paper"]
    cells = [line for _, line in sorted(lines, key=lambda one: -one[0])]
    if not published:
        columns, cells = columns[:-1], [one[:-1] for one in cells]
    told = "Mean [95 % interval] by the two-way random-effects model of CrowdMOS (listeners and items both vary)."
    beside = " The published score is of other listeners and other sounds." if published else ""
    return Table(f"{kind.title}: systems", columns, cells, note=note + told + beside)


def _published(value: tuple[float, float] | None) -> str:
    return "–" if value is None else f"{value[0]:.2f} ± {value[1]:.2f}"


def _pairs(rows: pd.DataFrame, subject: Subject) -> Table | None:
    """Return the paired differences of each two systems, and how many more ratings would decide them."""
    rated = rows[rows["role"].isin(("system", "hidden"))]
    wide = rated.pivot_table(index=["listener", "item"], columns="system", values="rating")
    found = {}
    for one, two in combinations(wide.columns, 2):
        both = wide.dropna(subset=[one, two])
        if len(both):
            listeners = both.index.get_level_values("listener").tolist()
            compared = compare(both[one].to_numpy(), both[two].to_numpy(), listeners, smaller_is_better=False)
            found[str(one), str(two)] = compared
    if not found:
        return None
    adjusted = holm({" – ".join(pair): one.p for pair, one in found.items()})
    cells = []
    for (one, two), compared in found.items():
        between = compared.difference
        needed = more_ratings(between.mean, between.low, between.high, between.count)
        cells.append([
            f"{subject.named(one)} – {subject.named(two)}",
            with_interval(between.mean, between.low, between.high, signed=True),
            chance(adjusted[f"{one} – {two}"]), str(between.count), _needed(needed),
        ])  # fmt: skip
    return Table(
        "Differences between systems",
        ["Pair", "Difference [95 %]", "p (Holm)", "Paired ratings", "More needed"],
        cells,
        note="Of the same item by the same listener; bootstrap of whole listeners; Wilcoxon's test over listeners. "
        "“More needed”: paired ratings until the interval excludes 0, if the difference stays as it is.",
    )


def _choices(rows: pd.DataFrame, kind: Kind, subject: Subject) -> Table:
    """Return the table of choices against chance."""
    made = preferences(rows) if kind.name == "ab" else detections(rows)
    published = subject.published.get(kind.name, {})
    cells = [_choice(one, subject, published) for one in made]
    question = "First chosen over second" if kind.name == "ab" else "Told from the recording"
    columns = ["First", "Second", "Share [exact 95 %]", "Choices", "p (binomial, Holm)", "Over listeners [95 %]"]
    return Table(
        f"{kind.title}: {question[0].lower()}{question[1:]}",
        [*columns, "Published"] if published else columns,
        cells if published else [one[:-1] for one in cells],
        words=2,
        note="Chance is 50 %. The exact test takes choices as independent; the interval over listeners does not.",
    )


def _choice(one: Choice, subject: Subject, published: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the row of a choice."""
    known, over = _published_share(one, published), one.over_listeners
    return [
        subject.named(one.first),
        subject.named(one.second),
        percent(one.share, one.low, one.high, interval=True),
        f"{one.chosen} of {one.choices}",
        chance(one.corrected),
        percent(over.mean, over.low, over.high, interval=True),
        "–" if known is None else f"{100 * known:.1f} %",
    ]


def _published_share(one: Choice, published: Mapping[str, tuple[float, float]]) -> float | None:
    """Return the published share of choices of the first, whichever of the two the publication counts."""
    forward, back = (published.get(name) for name in (f"{one.first} {one.second}", f"{one.second} {one.first}"))
    return forward[0] if forward is not None else 1 - back[0] if back is not None else None


def _metrics(rows: pd.DataFrame, subject: Subject) -> Iterator[Table]:
    """Yield the table of metrics against ratings, if a correlation could be computed."""
    found = correlations(rows, subject.scores, subject.metrics, subject.kinds)
    kinds = list(dict.fromkeys(one.kind for one in found))
    by_place = {(one.metric, one.kind): one for one in found}
    order = sorted(subject.metrics, key=lambda name: -_strength(by_place[name, ALL].rho))
    cells = [
        [subject.headings.get(name, name), *(with_interval(one.rho, one.low, one.high) for kind in kinds
                 for one in [by_place[name, kind]])]
        for name in order
        if any(np.isfinite(by_place[name, kind].rho) for kind in kinds)
    ]  # fmt: skip
    if cells:
        yield Table(
            "Which metrics agree with these listeners?",
            ["Metric", *("all systems" if one == ALL else f"{one} systems" for one in kinds)],
            cells,
            note="Spearman's correlation of each sound's score with its mean rating [95 %, bootstrap of whole items], "
            "the strongest first. The sign tells the direction: errors should correlate negatively.",
        )


def _strength(rho: float) -> float:
    return -1.0 if np.isnan(rho) else abs(rho)


def _plain(value: float) -> str:
    return number(value, digits=2)


def _needed(value: float) -> str:
    return UNKNOWN if np.isnan(value) else "no end" if np.isinf(value) else "decided" if value == 0 else f"{value:,.0f}"
