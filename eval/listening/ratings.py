"""Writes what listeners said as a version of an asset, and reads it again.

ratings.parquet      one row per rating that can be used (`results.COLUMNS`)
quarantine.parquet   one row per session that cannot be used, with the reason (`results.QUARANTINE`)
tests.json           for each test: kind, system that is judged, provenance, number of sessions
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from data.files.durable import read_json, write_json
from data.files.tables import read_frame, write_frame
from eval.listening.results import collect


@dataclass(frozen=True)
class Ratings:
    """What listeners said.

    Attributes:
        rows: one row per rating, with the columns `results.COLUMNS`.
        quarantine: one row per session that cannot be used, with the columns `results.QUARANTINE`.
        tests: for each test id "kind", "subject" and "provenance".
    """

    rows: pd.DataFrame
    quarantine: pd.DataFrame
    tests: dict[str, Any]

    def about(self, subject: str) -> dict[str, pd.DataFrame]:
        """Return the ratings of each test of a system of the project by test id, for tests with a rating."""
        mine = self.rows[self.rows["subject"] == subject]
        return {str(test): part for test, part in mine.groupby("test", sort=False)}


def collected(results: Path) -> Ratings:
    """Collect the results below a folder of exported listening tests (`eval.listening.results.collect`).

    Raises:
        InputError: there is no such folder, it holds no key of a test, or a key is damaged.

    Example:
        >>> collected(Path("test")).about("separation")
    """
    found = collect(results)
    tests = {
        test: {"kind": plan.kind, "subject": plan.subject, "provenance": dict(plan.provenance)}
        for test, plan in found.plans.items()
    }
    return Ratings(found.ratings, found.quarantine, tests)


def write_ratings(folder: Path, ratings: Ratings) -> dict[str, Any]:
    """Write ratings into a folder, as `read_ratings` reads them.

    Returns:
        Number of "tests", of "listeners", "ratings" and sessions in "quarantine".

    Example:
        >>> write_ratings(Path("version"), collected(Path("test")))
    """
    write_frame(folder / "ratings.parquet", ratings.rows)
    write_frame(folder / "quarantine.parquet", ratings.quarantine)
    write_json(folder / "tests.json", ratings.tests)
    return {
        "tests": len(ratings.tests),
        "listeners": int(ratings.rows[["test", "listener"]].drop_duplicates().shape[0]),
        "ratings": len(ratings.rows),
        "quarantine": len(ratings.quarantine),
    }


def read_ratings(folder: Path) -> Ratings:
    """Read the tables that `write_ratings` wrote."""
    return Ratings(
        read_frame(folder / "ratings.parquet"),
        read_frame(folder / "quarantine.parquet"),
        read_json(folder / "tests.json"),
    )
