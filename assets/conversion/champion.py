"""The champion: the conversion system in use, replaced when a challenger passes every required criterion.

The decision is made on the validation clips; the test clips are for the report.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.champion import RECORD, criteria_table, history
from assets.conversion.scores import MELODY_SCORES, SCORES, bounds
from assets.declaration import FORMER, Decision, Summary, Work, stored_asset
from assets.environment import Configuration
from assets.store.versions import Version

if TYPE_CHECKING:
    from eval.acceptance import Criterion
    from models.conversion.config import Thresholds

# The stages that are copied, by the name of the subfolder.
STAGES = {
    "melody": "conversion_melody",
    "content": "conversion_content",
    "acoustic": "conversion_acoustic",
    "vocoder": "conversion_tuned_vocoder",
}
_MODEL = ("model.safetensors", "model.json")


def _criteria(inputs: Mapping[str, Any], former: Path | None, asked: "Thresholds") -> "dict[str, Criterion]":
    """Return the results of the criteria on the validation clips, the comparison with the former champion included."""
    from data.files.tables import read_frame
    from eval.conversion.promotion import Promotion, promotion_criteria

    scores = read_frame(inputs["conversion_scores"] / SCORES)
    melody = read_frame(inputs["conversion_melody_scores"] / MELODY_SCORES)
    theirs = read_frame(former / SCORES) if former is not None else None
    return promotion_criteria(scores, melody, Promotion(bounds(asked)), theirs)


def _fingerprint(inputs: Mapping[str, Any]) -> str:
    """Return a text that identifies the model: the fingerprints of its stages."""
    return "-".join(Version(inputs[name]).fingerprint[:16] for name in STAGES.values())


def _decide(run: Configuration, inputs: Mapping[str, Any], former: Path | None) -> Decision:
    """Decide whether the current model becomes the champion (`StoredAsset.decide`)."""
    standing = former is not None and history(former)[-1]["model"] == _fingerprint(inputs)
    found = _criteria(inputs, former, run.conversion.thresholds)
    failed = [f"{name}: {one.advice}" for name, one in found.items() if one.required and not one.passed]
    promoted = not standing and not failed
    why = "; ".join(failed) or ("is the champion" if standing else "passed all")
    return Decision(promoted, {"promoted": promoted, "criteria": criteria_table(found), "why": why})


@stored_asset(
    config=lambda run: run.conversion.thresholds,
    files=[RECORD],
    kinds={"python"},
    lineage=("voices_clips", *STAGES.values(), "conversion_scores", "conversion_melody_scores"),
    experiments=False,
    decide=_decide,
)
def conversion_champion(work: Work) -> Summary:
    """The conversion system in use: the newest one that passed every required criterion on the validation clips."""
    from data.files.durable import write_json
    from data.shards.reader import Shards

    folder, inputs, former = work.execution.folder, work.inputs, work.inputs[FORMER]
    for place, name in STAGES.items():
        (folder / place).mkdir(exist_ok=True)
        for file in _MODEL:
            shutil.copy2(inputs[name] / file, folder / place / file)
    shutil.copy2(inputs["conversion_scores"] / SCORES, folder / SCORES)
    metadata = Shards(inputs["voices_clips"]).metadata
    entry = {
        "model": _fingerprint(inputs),
        "commit": Version(inputs["conversion_acoustic"]).record["provenance"]["commit"],
        "criteria": {name: one.found for name, one in _criteria(inputs, former, work.config).items()},
    }
    earlier = history(former) if former is not None else []
    described = {"history": [*earlier, entry], "singer": metadata["target"], "range": metadata["target_f0"]}
    write_json(folder / RECORD, described)
    return {"champions so far": len(earlier) + 1}
