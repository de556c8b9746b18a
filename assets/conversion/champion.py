"""The champion: the conversion system in use, replaced when a challenger passes every required criterion.

The decision is made on the validation clips; the test clips are for the report.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.champion import RECORD, Challenger, copy_model, decide, write_record
from assets.conversion.scores import MELODY_SCORES, SCORES, bounds
from assets.declaration import FORMER, Decision, Summary, Work, stored_asset
from assets.environment import Configuration
from assets.store.versions import Version

if TYPE_CHECKING:
    from models.conversion.config import Thresholds

# The stages that are copied, by the name of the subfolder.
STAGES = {
    "melody": "conversion_melody",
    "content": "conversion_content",
    "acoustic": "conversion_acoustic",
    "vocoder": "conversion_tuned_vocoder",
}


def _challenger(inputs: Mapping[str, Any], former: Path | None, asked: "Thresholds") -> Challenger:
    """Return the newest system, judged on the validation clips, as challenger of the champion."""
    from data.files.tables import read_frame
    from eval.conversion.promotion import Promotion, promotion_criteria

    scores = read_frame(inputs["conversion_scores"] / SCORES)
    melody = read_frame(inputs["conversion_melody_scores"] / MELODY_SCORES)
    theirs = read_frame(former / SCORES) if former is not None else None
    found = promotion_criteria(scores, melody, Promotion(bounds(asked)), theirs)
    model = "-".join(Version(inputs[name]).fingerprint[:16] for name in STAGES.values())
    return Challenger(model, Version(inputs["conversion_acoustic"]).record["provenance"]["commit"], found, former)


def _decide(run: Configuration, inputs: Mapping[str, Any], former: Path | None) -> Decision:
    """Decide whether the current system becomes the champion (`StoredAsset.decide`)."""
    return decide(_challenger(inputs, former, run.conversion.thresholds))


@stored_asset(
    config=lambda run: run.conversion.thresholds,
    files=[RECORD],
    kinds={"python"},
    lineage=(*STAGES.values(), "conversion_scores", "conversion_melody_scores"),
    experiments=False,
    decide=_decide,
)
def conversion_champion(work: Work) -> Summary:
    """The conversion system in use: the newest one that passed every required criterion on the validation clips."""
    from data.files.checked_json import read_checked_json

    folder, inputs = work.execution.folder, work.inputs
    for place, name in STAGES.items():
        copy_model(inputs[name], folder / place)
    shutil.copy2(inputs["conversion_scores"] / SCORES, folder / SCORES)
    model = read_checked_json(folder / "acoustic" / "model.json")
    described = {"singer": model["target"], "range": model["ranges"].get(model["target"])}
    return write_record(folder, _challenger(inputs, inputs[FORMER], work.config), described)
