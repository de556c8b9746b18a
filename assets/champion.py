"""Promotion: a challenger becomes the champion if it passes every required criterion, the champion included.

What is asked of a challenger, and what else is kept of a champion, is up to each system.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.declaration import Decision, Summary
from assets.display import table
from data.files.checked_json import read_checked_json, write_checked_json

if TYPE_CHECKING:
    from eval.acceptance import Criterion

RECORD = "champion.json"
_MODEL = ("model.safetensors", "model.json")


@dataclass(frozen=True)
class Challenger:
    """A model that may become the champion.

    Attributes:
        model: text that identifies it: its fingerprint, or for a model of several stages, all of theirs.
        commit: commit that it was trained at.
        criteria: results of the criteria by name, the comparison with the present champion included.
        former: folder of the present champion; None if there is none.
    """

    model: str
    commit: str
    criteria: "Mapping[str, Criterion]"
    former: Path | None


def decide(challenger: Challenger) -> Decision:
    """Decide whether a challenger is promoted to champion.

    Returns:
        Not promoted if the challenger is the present champion already, or if it fails a required criterion. The
        metadata are "promoted", a table of the "criteria", and "why", the reason as text.

    Example:
        >>> decide(Challenger("3f2a", "2faf6db01c2e", acceptance_criteria(scores, bounds), None)).promoted
        True
    """
    former, found = challenger.former, challenger.criteria
    standing = former is not None and history(former)[-1]["model"] == challenger.model
    failed = [f"{name}: {one.advice}" for name, one in found.items() if one.required and not one.passed]
    promoted = not standing and not failed
    why = "is the champion" if standing else "; ".join(failed) or "passed all"
    return Decision(promoted, {"promoted": promoted, "criteria": _table(found), "why": why})


def write_record(folder: Path, challenger: Challenger, described: Mapping[str, Any]) -> Summary:
    """Write champion.json for a challenger that was promoted: the "history" (see `history`) and what `described` says.

    Args:
        folder: folder of the new champion.
        challenger: the new champion.
        described: what else the file says of it, as values that JSON can represent.

    Returns:
        The number of champions so far.
    """
    from eval.acceptance import as_json

    found = {name: one["found"] for name, one in as_json(challenger.criteria).items()}
    entry = {"model": challenger.model, "commit": challenger.commit, "criteria": found}
    earlier = history(challenger.former) if challenger.former is not None else []
    write_checked_json(folder / RECORD, {"history": [*earlier, entry], **described})
    return {"champions so far": len(earlier) + 1}


def copy_model(model: Path, folder: Path) -> None:
    """Copy a trained model, its weights and their description, to a folder, which is created if necessary."""
    folder.mkdir(exist_ok=True)
    for name in _MODEL:
        shutil.copy2(model / name, folder / name)


def history(champion: Path) -> list[dict[str, Any]]:
    """Return one entry for each champion so far, the present one last.

    Args:
        champion: folder of a champion.

    Returns:
        For each champion a dictionary: "model" (fingerprint of its model), "commit" (the one it was trained at) and
        "criteria" (measured value of each criterion, by name; None for one that could not be measured).

    Example:
        >>> history(folder)[-1]["commit"]
        '2faf6db01c2e'
    """
    return read_checked_json(champion / RECORD)["history"]


def _table(found: "Mapping[str, Criterion]") -> dg.MetadataValue:
    """Return the results of the criteria as a table for the web UI."""
    import pandas as pd

    rows = [
        {
            "criterion": name,
            "found": one.found,
            "asked": one.bound,
            "passed": "yes" if one.passed else "no",
            "required": "yes" if one.required else "no",
        }
        for name, one in found.items()
    ]
    return table(pd.DataFrame(rows))
