"""Checks that every data set in shards, and every system that was judged, is put to."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.setup import Setup
from assets.store import discard

if TYPE_CHECKING:
    import pandas as pd

    from eval.acceptance import Criterion

Judge = Callable[["pd.DataFrame", Setup], "Mapping[str, Criterion]"]


def readable(asset: dg.AssetsDefinition, count: int) -> dg.AssetChecksDefinition:
    """Return a blocking check that recordings drawn from all shards of `asset` are what was written.

    Damaged shards are given up, so that the next run makes them anew.
    """

    @dg.asset_check(
        asset=asset,
        name="readable",
        blocking=True,
        description=f"{count:,} recordings drawn from all shards are what was written, by their checksums.",
    )
    def check(shards: Path) -> dg.AssetCheckResult:
        from data.shards.reader import Shards, find_damage

        found = find_damage(Shards(shards), count)
        if found:
            discard(shards)
        return dg.AssetCheckResult(
            passed=not found,
            metadata={"damaged": len(found), "first": "; ".join(found[:3]) or "none"},
            description="Check the disk; the next run makes the shards anew." if found else "All bytes are whole.",
        )

    return check


def quarantine_share(bad: int, good: int, most: float, setting: str) -> dg.AssetCheckResult:
    """Return whether most of what came could be used; `setting` is the variable that says how much that is."""
    share = bad / max(1, good + bad)
    return dg.AssetCheckResult(
        passed=share <= most and good > 0,
        metadata={"quarantined": bad, "kept": good, "share": share, "most": most},
        description=f"If the reasons (metadata of the asset) are acceptable, raise {setting}.",
    )


def quality(
    scores: dg.AssetsDefinition, baselines: str, judge: Judge, questions: Mapping[str, str]
) -> list[dg.AssetChecksDefinition]:
    """Return a check of `scores` for each question by name; a failed one warns and stops nothing.

    Args:
        scores: the asset that is asked about.
        baselines: name of the asset with the scores of bounds and baselines.
        judge: returns all acceptance_criteria on the scores of both.
        questions: what each check asks, in words.
    """

    def check(name: str, meaning: str) -> dg.AssetChecksDefinition:
        @dg.asset_check(
            asset=scores,
            additional_ins={"baselines": dg.AssetIn(baselines)},
            name=name,
            description=meaning,
            partitions_def=scores.partitions_def,
        )
        def asked(setup: Setup, judged: Path, baselines: Path) -> dg.AssetCheckResult:
            found = judge(gather(judged, baselines), setup)[name]
            return dg.AssetCheckResult(
                passed=found.passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"found": found.found, "asked": found.bound},
                description=found.meaning if found.passed else f"{found.meaning}: {found.advice}",
            )

        return asked

    return [check(name, meaning) for name, meaning in questions.items()]


def gather(*folders: Path, file: str = "scores.parquet") -> "pd.DataFrame":
    """Return the scores in several folders as one frame."""
    import pandas as pd

    return pd.concat([pd.read_parquet(folder / file) for folder in folders], ignore_index=True)
