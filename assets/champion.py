"""Promotion: a challenger becomes the champion if it passes every required criterion, the champion included."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.declaration import FORMER, Decision, Summary, Work
from assets.display import table
from assets.quality import gather
from assets.store.versions import Version
from data.files.durable import read_json, write_json

if TYPE_CHECKING:
    from eval.acceptance import Criterion
    from eval.synthesis.acceptance import Bounds

RECORD = "champion.json"
_MODEL = ("model.safetensors", "model.json")


def decide(challenger: Mapping[str, Path], former: Path | None, bounds: "Bounds") -> Decision:
    """Decide whether a challenger is promoted to champion.

    Args:
        challenger: folders by name: "model" (the trained model), "scores" (its scores) and "baselines" (the scores of
            the baselines).
        former: folder of the present champion; None if there is none.
        bounds: bounds of the acceptance criteria.

    Returns:
        Not promoted if the challenger is the present champion already, or if it fails a required criterion. The
        metadata are "promoted", a table of the "criteria", and "why", the reason as text.

    Example:
        >>> folders = {"model": model, "scores": scores, "baselines": baseline_scores}
        >>> decide(folders, None, Bounds(silence_ratio=0.6, nearest_required=True, pitch_accuracy=0.9)).promoted
    """
    standing = former is not None and history(former)[-1]["model"] == Version(challenger["model"]).fingerprint
    found = _criteria(challenger, former, bounds)
    promoted = not standing and all(one.passed for one in found.values() if one.required)
    failed = [f"{name}: {one.advice}" for name, one in found.items() if one.required and not one.passed]
    why = "; ".join(failed) or ("is the champion" if standing else "passed all")
    return Decision(promoted, {"promoted": promoted, "criteria": criteria_table(found), "why": why})


def write_champion(work: Work, challenger: Mapping[str, Path], notes: Path, bounds: "Bounds") -> Summary:
    """Write a new champion: copies of its model and its scores, and champion.json.

    champion.json holds "history" (see `history`), "instruments" (number of each instrument by its name) and
    "velocities" (a list): the labels that the champion was trained on.

    Args:
        work: arguments of the asset function; `work.inputs["former"]` is the folder of the former champion, or None.
        challenger: folders by name, as in `decide`.
        notes: folder of the shards of the notes.
        bounds: bounds of the acceptance criteria.

    Returns:
        The number of champions so far.
    """
    from data.files.tables import read_frame

    folder, former = work.execution.folder, work.inputs[FORMER]
    for name in _MODEL:
        shutil.copy2(challenger["model"] / name, folder / name)
    shutil.copy2(challenger["scores"] / "scores.parquet", folder / "scores.parquet")
    model = Version(challenger["model"])
    entry = {
        "model": model.fingerprint,
        "commit": model.record["provenance"]["commit"],
        "criteria": {name: one.found for name, one in _criteria(challenger, former, bounds).items()},
    }
    known = read_frame(notes / "index.parquet", ["instrument", "instrument_name", "velocity"])
    names = known.drop_duplicates("instrument").sort_values("instrument")
    earlier = history(former) if former is not None else []
    described = {
        "history": [*earlier, entry],
        "instruments": dict(zip(names["instrument_name"], names["instrument"].tolist(), strict=True)),
        "velocities": sorted(set(known["velocity"].tolist())),
    }
    write_json(folder / RECORD, described)
    return {"champions so far": len(earlier) + 1}


def history(champion: Path) -> list[dict[str, Any]]:
    """Return one entry for each champion so far, the present one last.

    Args:
        champion: folder of a champion.

    Returns:
        For each champion a dictionary: "model" (fingerprint of its model), "commit" (the one it was trained at) and
        "criteria" (measured value of each criterion, by name).

    Example:
        >>> history(folder)[-1]["commit"]
        '2faf6db01c2e'
    """
    return read_json(champion / RECORD)["history"]


def _criteria(challenger: Mapping[str, Path], former: Path | None, bounds: "Bounds") -> "dict[str, Criterion]":
    """Return the results of the acceptance criteria, including the comparison with the former champion."""
    from data.files.tables import read_frame
    from eval.synthesis.acceptance import acceptance_criteria

    scores = gather(challenger["scores"], challenger["baselines"])
    theirs = read_frame(former / "scores.parquet") if former is not None else None
    return acceptance_criteria(scores, bounds, theirs)


def criteria_table(found: "Mapping[str, Criterion]") -> dg.MetadataValue:
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
