"""Promotion: a challenger becomes the champion if it passes every required check, the champion included."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.checks import gather
from assets.materialize import table
from assets.store import RUN, fingerprint, published
from data.files.durable import read_json, write_json

if TYPE_CHECKING:
    from eval.acceptance import Criterion
    from eval.synthesis.acceptance import Bounds

_MODEL = ("model.safetensors", "model.json")


@dataclass(frozen=True)
class Challenge:
    """A challenger's case.

    Attributes:
        promoted: whether it takes the place of the champion.
        standing: whether it is the champion already.
        criteria: what each check says.
        challenger: its folders: model, scores, baselines, notes.
        former: the present champion's folder, or None.
    """

    promoted: bool
    standing: bool
    criteria: "dict[str, Criterion]"
    challenger: Mapping[str, Path]
    former: Path | None

    @property
    def kept(self) -> str:
        """Return the fingerprint of what stays in use."""
        return fingerprint(self.former)[:16] if self.former else "none"

    def crown(self, folder: Path) -> dict[str, Any]:
        """Write the new champion: its model, its scores and the history of champions."""
        import pandas as pd

        for name in _MODEL:
            shutil.copy2(self.challenger["model"] / name, folder / name)
        shutil.copy2(self.challenger["scores"] / "scores.parquet", folder / "scores.parquet")
        history = read_json(self.former / "champion.json")["history"] if self.former else []
        heard = pd.read_parquet(
            self.challenger["notes"] / "index.parquet", columns=["instrument", "instrument_name", "velocity"]
        )
        names = heard.drop_duplicates("instrument").sort_values("instrument")
        crowned = {
            "model": fingerprint(self.challenger["model"]),
            "commit": read_json(self.challenger["model"] / RUN)["provenance"]["commit"],
            "checks": {name: one.found for name, one in self.criteria.items()},
        }
        described = {
            "history": [*history, crowned],
            "instruments": dict(zip(names["instrument_name"], names["instrument"].tolist(), strict=True)),
            "velocities": sorted(set(heard["velocity"].tolist())),
        }
        write_json(folder / "champion.json", described)
        return {"champions so far": len(history) + 1}

    def shown(self) -> dict[str, Any]:
        """Return the case as metadata."""
        import pandas as pd

        rows = [
            {
                "check": name,
                "found": one.found,
                "asked": one.bound,
                "passed": "yes" if one.passed else "no",
                "required": "yes" if one.required else "no",
            }
            for name, one in self.criteria.items()
        ]
        failed = [f"{name}: {one.advice}" for name, one in self.criteria.items() if one.required and not one.passed]
        return {
            "promoted": dg.MetadataValue.bool(self.promoted),
            "checks": table(pd.DataFrame(rows)),
            "why": dg.MetadataValue.text("; ".join(failed) or ("is the champion" if self.standing else "passed all")),
        }


def challenge(home: Path, challenger: Mapping[str, Path], bounds: "Bounds") -> Challenge:
    """Judge a challenger against the bounds and the champion published in `home`."""
    import pandas as pd

    from eval.synthesis.acceptance import acceptance_criteria

    former = published(home)
    crowned = read_json(former / "champion.json")["history"][-1]["model"] if former else None
    standing = crowned == fingerprint(challenger["model"])
    scores = gather(challenger["scores"], challenger["baselines"])
    theirs = pd.read_parquet(former / "scores.parquet") if former else None
    found = acceptance_criteria(scores, bounds, theirs)
    promoted = not standing and all(one.passed for one in found.values() if one.required)
    return Challenge(promoted, standing, found, challenger, former)
