"""Checks that every data set in shards is put to."""

from pathlib import Path

import dagster as dg

from assets.store import discard


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
        from data.reader import Shards, sample_damage

        found = sample_damage(Shards(shards), count)
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
