"""Audits that several assets share: bytes that are what was written, few rejections, finite weights."""

from pathlib import Path

from assets.declaration import Audit, Finding
from assets.environment import Environment


def readable(count: int) -> Audit:
    """Return an audit that `count` recordings, drawn from all shards, are what was written.

    One that fails was damaged on disk, so the shards are made afresh.
    """

    def look(folder: Path, environment: Environment) -> Finding:
        from data.shards.reader import Shards, find_damage

        del environment
        found = [one for shards in shard_folders(folder) for one in find_damage(Shards(shards), count)]
        metadata = {"damaged": len(found), "first": "; ".join(found[:3]) or "none"}
        advice = "check the disk; the next run makes the shards anew" if found else "all bytes are whole"
        return Finding(not found, metadata, advice)

    question = f"Up to {count:,} recordings drawn from all shards are what was written, by their checksums."
    return Audit("readable", question, look, damage=True)


def shard_folders(folder: Path) -> list[Path]:
    """Return the folders of shards in a version: the folder itself, or those of its groups."""
    return (
        [folder] if (folder / "index.parquet").is_file() else sorted(p.parent for p in folder.glob("*/index.parquet"))
    )


def few_rejected(bad: int, good: int, most: float, setting: str) -> Finding:
    """Return whether most of what came could be used; `setting` is the variable that says how much that is."""
    share = bad / max(1, good + bad)
    metadata = {"quarantined": bad, "kept": good, "share": share, "most": most}
    advice = f"{bad} of {good + bad} are in quarantine; if the reasons (metadata of the asset) are acceptable, "
    return Finding(share <= most and good > 0, metadata, f"{advice}raise {setting}")


def apart(found: list[str], what: str, remedy: str) -> Finding:
    """Return whether nothing is shared between splits; `found` names what is."""
    metadata = {"shared": len(found), "first": "; ".join(found[:5]) or "none"}
    return Finding(not found, metadata, f"{what} are apart" if not found else f"{found[0]}; {remedy}")


def _finite(folder: Path, environment: Environment) -> Finding:
    from models.training.checkpoint import count_not_finite

    del environment
    bad = count_not_finite(folder / "model")
    return Finding(bad == 0, {"values that are NaN or infinite": bad}, f"{bad} values are NaN or infinite")


FINITE = Audit("weights_finite", "The model loads again and holds no NaN or infinity.", _finite)
