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
from eval.listening.results import Collected, collect


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


def write_ratings(folder: Path, results: Path) -> dict[str, Any]:
    """Collect the results below a folder and write them.

    Args:
        folder: folder for the tables.
        results: folder of exported listening tests with their results (`eval.listening.results.collect`).

    Returns:
        Number of "tests", of "listeners", "ratings" and sessions in "quarantine".

    Raises:
        InputError: there is no such folder, it holds no key of a test, or a key is damaged.

    Example:
        >>> write_ratings(Path("version"), Path("test"))
    """
    found = collect(results)
    write_frame(folder / "ratings.parquet", found.ratings)
    write_frame(folder / "quarantine.parquet", found.quarantine)
    write_json(folder / "tests.json", _tests(found))
    return {
        "tests": len(found.plans),
        "listeners": int(found.ratings[["test", "listener"]].drop_duplicates().shape[0]),
        "ratings": len(found.ratings),
        "quarantine": len(found.quarantine),
    }


def read_ratings(folder: Path) -> Ratings:
    """Read the tables that `write_ratings` wrote."""
    return Ratings(
        read_frame(folder / "ratings.parquet"),
        read_frame(folder / "quarantine.parquet"),
        read_json(folder / "tests.json"),
    )


def collected(results: Path) -> Ratings:
    """Collect the results below a folder without writing anything (`write_ratings`)."""
    found = collect(results)
    return Ratings(found.ratings, found.quarantine, _tests(found))


def _tests(found: Collected) -> dict[str, Any]:
    """Return what is told of each test."""
    return {
        test: {"kind": plan.kind, "subject": plan.subject, "provenance": dict(plan.provenance)}
        for test, plan in found.plans.items()
    }
