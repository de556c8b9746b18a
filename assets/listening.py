"""Listening tests as versions of assets: how large they are in each preset, and how they are written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.declaration import Shown, Summary, Work
from assets.display import table
from assets.environment import Configuration
from assets.provenance import in_words
from assets.store.versions import Version

if TYPE_CHECKING:
    from eval.listening.design import Item
    from eval.listening.tables import Subject
    from eval.report.document import Block

INDEX, RATINGS = "tests.json", "listening_ratings"


@dataclass(frozen=True)
class Size:
    """Size of the listening tests of a preset.

    Attributes:
        items: number of notes, songs or clips.
        seconds: longest sound in seconds.
    """

    items: int
    seconds: float = 8.0


_SIZES = {"demo": Size(4, 4.0), "small": Size(20), "paper": Size(100)}


def size(run: Configuration) -> Size:
    """Return the size of the listening tests of a run."""
    return _SIZES[run.environment.preset]


def write_tests(
    work: Work, subject: str, model: Path, items: "Mapping[str, Callable[[], tuple[list[Item], int]]]"
) -> Summary:
    """Write the listening tests of a system, a folder for each kind of test (`eval.listening.write`).

    A kind of test for which there are too few systems or items is left out, and told.

    Args:
        work: the work; its configuration is a `Size`.
        subject: name of the system.
        model: folder of the model that is judged.
        items: for each kind of test, function that returns its items and their sample rate.

    Returns:
        For each kind the id of the test, or why there is none; size of all pages in "megabytes".
    """
    from data.files.durable import write_json
    from data.progress import Progress
    from eval.listening.design import Design
    from eval.listening.plan import NoTest, plan_test
    from eval.listening.write import write_test

    fingerprint = Version(model).fingerprint[:16]
    provenance = {"preset": work.environment.preset, "model": fingerprint, "commit": commit(model)}
    made: dict[str, dict[str, Any]] = {}
    progress = Progress("listening tests", total=len(items), unit="tests", listener=work.execution.listener)
    for kind, of_kind in items.items():
        found, rate = of_kind()
        design = Design(kind, seconds=work.config.seconds)
        try:
            plan, waves = plan_test(found, design, rate, subject, provenance)
            made[kind] = vars(write_test(work.execution.folder / kind, plan, waves))
        except NoTest as error:
            made[kind] = {"left out": str(error)}
        progress.advance()
    write_json(work.execution.folder / INDEX, made)
    sizes = [one["megabytes"] for one in made.values() if "megabytes" in one]
    return {**{kind: one.get("test", one.get("left out")) for kind, one in made.items()}, "megabytes": sum(sizes)}


def commit(model: Path) -> str:
    """Return the commit that a model was trained at, in words."""
    return in_words(Version(model).record["provenance"])["commit"]


def told_by_listeners(ratings: Path | None, subject: "Subject") -> "Sequence[Block]":
    """Return the section of a report on what listeners said; empty without ratings of the system.

    Args:
        ratings: folder of the asset `listening_ratings`; None without TESSITURA_RATINGS.
        subject: what the tables say beside the ratings.
    """
    from eval.listening.ratings import read_ratings
    from eval.listening.tables import listening_blocks

    return () if ratings is None else listening_blocks(read_ratings(ratings), subject)


def shown(folder: Path) -> Shown:
    """Return the table of the tests for the web UI."""
    import pandas as pd

    from data.files.durable import read_json

    return {"tests": table(pd.DataFrame([{"kind": kind, **one} for kind, one in read_json(folder / INDEX).items()]))}
