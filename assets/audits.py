"""Audits that several assets share: damaged shards, rejected recordings, splits that share items, weights."""

import re
from collections import Counter
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from assets.declaration import Audit, Finding
from assets.environment import Environment


def readable(count: int) -> Audit:
    """Return an audit that reads recordings and compares them with their checksums.

    A version that fails was damaged on disk, so it is set aside and made again (`Audit.damage`).

    Args:
        count: largest number of recordings to read; they are drawn at random, as many from each folder of shards.

    Example:
        >>> stored_asset(files=["index.parquet"], kinds={"parquet"}, audits=(readable(100),))
    """

    def look(folder: Path, environment: Environment) -> Finding:
        from data.shards.reader import Shards, find_damage

        del environment
        folders = shard_folders(folder)
        share = -(-count // max(1, len(folders)))
        found = [one for shards in folders for one in find_damage(Shards(shards), share)]
        metadata = {"damaged": len(found), "first": "; ".join(found[:3]) or "none"}
        advice = "check the disk; the next run makes the shards anew" if found else "all bytes are whole"
        return Finding(not found, metadata, advice)

    question = f"Up to {count:,} recordings drawn from all shards are what was written, by their checksums."
    return Audit("readable", question, look, damage=True)


def shard_folders(folder: Path) -> list[Path]:
    """Return the folders of shards in a version: its own folder, or if there are groups, one subfolder per group."""
    return (
        [folder] if (folder / "index.parquet").is_file() else sorted(p.parent for p in folder.glob("*/index.parquet"))
    )


def few_rejected(rejected: Sequence[tuple[str, str]], good: int, most: float, setting: str) -> Finding:
    """Check that only a small share of the recordings or tracks was rejected.

    Args:
        rejected: id and reason of every rejected item (`quarantined`).
        good: number of items that were kept.
        most: largest allowed share of rejected items, 0 to 1.
        setting: name of the environment variable that sets `most`, for the advice.

    Returns:
        The finding, which tells the commonest reason and an item that has it; it is not passed either if no item was
        kept.
    """
    bad = len(rejected)
    share = bad / max(1, good + bad)
    metadata = {"quarantined": bad, "kept": good, "share": share, "most": most}
    if not rejected:
        return Finding(good > 0, metadata, "nothing is in quarantine" if good else "nothing was found")
    kinds = Counter(_kind(reason) for _, reason in rejected)
    (commonest, count), *others = kinds.most_common()
    item, reason = next(one for one in rejected if _kind(one[1]) == commonest)
    plural = "s" if len(others) > 1 else ""
    more = f" (and {len(others)} other kind{plural} of reason: metadata of the asset)" if others else ""
    advice = (
        f"{bad} of {good + bad} are in quarantine, {count} of them for a reason such as: {item}: {reason}{more}; "
        f"mend them, or if that is acceptable, raise {setting} from {most:g} to {ceil(100 * share) / 100:g}"
    )
    return Finding(share <= most and good > 0, metadata, advice)


def quarantined(*folders: Path) -> list[tuple[str, str]]:
    """Return id and reason of every item in the quarantine tables of folders of shards."""
    from data.files.tables import read_table

    tables = (read_table(folder / "quarantine.parquet") for folder in folders)
    return [(str(one["id"]), str(one["reason"])) for table in tables for one in table.to_pylist()]


def _kind(reason: str) -> str:
    """Return a reason without what differs between items: numbers, and the name of the item before it."""
    return re.sub(r"\d+", "N", reason.rpartition(": ")[2] or reason)


def apart(found: list[str], what: str, remedy: str) -> Finding:
    """Check that no item is in two splits.

    Args:
        found: one message for each shared item.
        what: what the splits hold, such as "training and test notes".
        remedy: what the user can do if an item is shared.
    """
    metadata = {"shared": len(found), "first": "; ".join(found[:5]) or "none"}
    return Finding(not found, metadata, f"{what} are apart" if not found else f"{found[0]}; {remedy}")


def _finite(folder: Path, environment: Environment) -> Finding:
    """Count the weights of the model in a version that are NaN or infinite; none may be."""
    from models.training.checkpoint import count_not_finite

    del environment
    bad = count_not_finite(folder / "model")
    advice = f"{bad} values are NaN or infinite" + ("; make it again with a smaller learning rate" if bad else "")
    return Finding(bad == 0, {"values that are NaN or infinite": bad}, advice)


FINITE = Audit("weights_finite", "The model loads again and holds no NaN or infinity.", _finite)
