"""The front of a report: what was done, the numbers that matter, a verdict with the worst finding, a sound.

The same content stands above the fold of the report and, as front.json, on the page over all reports.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.files.durable import write_json
from eval.acceptance import WHOLE, Criterion, title_of
from eval.report.blocks import Clip, Players
from eval.report.numbers import NO_INTERVAL, number

FRONT = "front.json"
NO_CHAMPION = (
    "There is no champion: no model has passed every check on the validation items, so the newest one is used."
)


@dataclass(frozen=True)
class Number:
    """A number that matters.

    Attributes:
        label: what it is, in a few words, with the unit.
        value: the number as text.
        interval: its 95 % interval as text; "" for none.
    """

    label: str
    value: str
    interval: str = ""

    @classmethod
    def of(cls, label: str, told: str) -> "Number":
        """Return a number from its text with an interval (`eval.report.numbers.with_interval`).

        Where there is no interval, because there are too few items, words say so.

        Example:
            >>> Number.of("uSDR, dB", "2.50 [no interval]").interval
            'too few for an interval'
        """
        value, _, ends = told.partition(" [")
        return cls(label, value, "too few for an interval" if f"[{ends}" == NO_INTERVAL else f"[{ends}")


@dataclass(frozen=True)
class Front:
    """The front of a report.

    Attributes:
        done: what was done on what data, one sentence.
        numbers: three to five numbers.
        verdict: two sentences; the second tells the worst finding.
        champion: what is in use, and how it compares with what was in use before, one sentence; "" for none.
        players: one item to listen to; None for none.
    """

    done: str
    numbers: Sequence[Number]
    verdict: Sequence[str]
    champion: str = ""
    players: Players | None = None

    @property
    def heard(self) -> Clip | None:
        """The second sound of the players, after what it is compared with; None if there is none."""
        clips = [one for _, row in (self.players.rows if self.players else ()) for one in row if one.sound]
        return clips[min(1, len(clips) - 1)] if clips else None


def write_front(folder: Path, title: str, front: Front | None) -> None:
    """Write front.json: title, texts, and one sound with its picture as data: URIs.

    Example:
        >>> write_front(Path("report"), "Synthesis", front)
    """
    if front is None:
        return
    clip = front.heard
    told: dict[str, Any] = {
        "title": title,
        "done": front.done,
        "numbers": [asdict(one) for one in front.numbers],
        "verdict": list(front.verdict),
        "champion": front.champion,
        "sound": None if clip is None else {"label": clip.label, "source": clip.source, "picture": clip.picture},
    }
    write_json(folder / FRONT, told)


def verdict(found: Mapping[str, Criterion], subject: str) -> tuple[str, str]:
    """Return the verdict in two sentences: how many checks were passed, and the worst finding.

    The worst finding is the failed check that is farthest from what was asked, relative to that; one that could not be
    measured is the farthest. If all were passed it is the one that was passed by least.

    Args:
        found: results of the checks by name, at least one.
        subject: what was checked, as the beginning of a sentence.

    Example:
        >>> verdict({"in_tune": Criterion(False, 0.8, 0.9, "share in tune", "")}, "SING")[0]
        'SING passes 0 of 1 checks; not passed: “in tune”.'
    """
    failed = {name: one for name, one in found.items() if not one.passed}
    fails = f"; not passed: {', '.join(f'“{title_of(name)}”' for name in failed)}" if failed else ""
    first = f"{subject} passes {len(found) - len(failed)} of {len(found)} checks{fails}."
    if failed:
        heading, one = "The worst finding", max(failed.values(), key=_gap)
    else:  # what was reached exactly, such as “all were made”, is not narrow
        heading, one = "The narrowest", min(found.values(), key=lambda passed: _gap(passed) or float("inf"))
    return first, f"{heading}: {_short(one.meaning)} is {_plain(one.found)}; {_asked(one)} was asked."


def champion_sentence(champions: Sequence[Mapping[str, Any]], model: str) -> str:
    """Return what is in use, and how it compares with what was in use before it.

    Args:
        champions: one entry for each champion so far, oldest first: "model", "commit" and "criteria".
        model: fingerprint, or its beginning, of the model that the report is about.

    Example:
        >>> champion_sentence([], "0123")
        'There is no champion: no model has passed every check on the validation items, so the newest one is used.'
    """
    if not champions:
        return NO_CHAMPION
    last = champions[-1]
    mine = bool(model) and model in str(last["model"])  # which names every stage of a system of several
    name = "This model is the champion" if mine else f"The champion is an earlier model (commit {last['commit']})"
    compared = last["criteria"].get("better_than_champion")
    if len(champions) < 2:
        return f"{name}, the first one."
    if compared is None:
        return f"{name}; it cannot be compared with the one before."
    return f"{name}, better than the one before on the validation items ({_plain(float(compared))})."


def _short(meaning: str) -> str:
    """Return what a number means without what is told in brackets and after a colon; the table of checks has all."""
    return re.sub(r"\s*(\([^()]*\)|\[[^\]]*\])", "", meaning).partition(WHOLE)[0]


def _asked(one: Criterion) -> str:
    """Return what was asked in words: at most or at least the bound, or an interval that lies below or above it."""
    bound = _plain(one.bound)
    if WHOLE in one.meaning:
        return f"an interval wholly {one.meaning.partition(WHOLE)[2].split()[0]} {bound}"
    if not np.isfinite(one.found) or one.found == one.bound:
        return bound
    return f"{'at least' if one.passed == (one.found > one.bound) else 'at most'} {bound}"


def _gap(one: Criterion) -> float:
    """Return how far a value is from what was asked, relative to that unless it is 0; infinite if not measured."""
    if not np.isfinite(one.found):
        return float("inf")
    return abs(one.found - one.bound) / (abs(one.bound) or 1.0)


def _plain(value: float) -> str:
    return number(value) if np.isfinite(value) else "not measurable"
