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
    """Return whether a challenger is promoted.

    Args:
        challenger: folders of its "model", its "scores" and the "baselines".
        former: folder of the present champion, if there is one.
        bounds: what is asked of a model.
    """
    standing = former is not None and history(former)[-1]["model"] == Version(challenger["model"]).fingerprint
    found = _criteria(challenger, former, bounds)
    promoted = not standing and all(one.passed for one in found.values() if one.required)
    failed = [f"{name}: {one.advice}" for name, one in found.items() if one.required and not one.passed]
    why = "; ".join(failed) or ("is the champion" if standing else "passed all")
    return Decision(promoted, {"promoted": promoted, "criteria": _table(found), "why": why})


def write_champion(work: Work, challenger: Mapping[str, Path], notes: Path, bounds: "Bounds") -> Summary:
    """Write the new champion: its model, its scores, what it can play, and the history of champions."""
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
    """Return the champions so far, the present one last: the fingerprint of its model, its commit, its criteria."""
    return read_json(champion / RECORD)["history"]


def _criteria(challenger: Mapping[str, Path], former: Path | None, bounds: "Bounds") -> "dict[str, Criterion]":
    from data.files.tables import read_frame
    from eval.synthesis.acceptance import acceptance_criteria

    scores = gather(challenger["scores"], challenger["baselines"])
    theirs = read_frame(former / "scores.parquet") if former is not None else None
    return acceptance_criteria(scores, bounds, theirs)


def _table(found: "Mapping[str, Criterion]") -> dg.MetadataValue:
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
