"""The champion: the SING model in use, replaced when a challenger passes every required criterion.

The criteria are measured on the validation notes, so that the test notes stay a test.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.champion import RECORD, Challenger, copy_model, decide, write_record
from assets.declaration import FORMER, Decision, Summary, Work, stored_asset
from assets.environment import Configuration
from assets.quality import gather
from assets.store.versions import Version
from assets.synthesis.evaluation import bounds

if TYPE_CHECKING:
    from models.synthesis.config import Thresholds

_SCORES, _VALID = "scores.parquet", "valid"


def _challenger(inputs: Mapping[str, Any], former: Path | None, asked: "Thresholds") -> Challenger:
    """Return the newest model, judged on the validation notes, as challenger of the champion."""
    from data.files.tables import read_frame
    from eval.synthesis.acceptance import acceptance_criteria

    model = Version(inputs["synthesis_model"])
    scores = gather(inputs["synthesis_scores"], inputs["synthesis_baseline_scores"])
    theirs = read_frame(former / _SCORES) if former is not None else None
    found = acceptance_criteria(scores, bounds(asked), theirs, _VALID)
    return Challenger(model.fingerprint, model.record["provenance"]["commit"], found, former)


def _labels(notes: Path) -> dict[str, Any]:
    """Return the labels of notes: "instruments" (number of each instrument by its name) and "velocities" (a list)."""
    from data.files.tables import read_frame

    known = read_frame(notes / "index.parquet", ["instrument", "instrument_name", "velocity"])
    names = known.drop_duplicates("instrument").sort_values("instrument")
    return {
        "instruments": dict(zip(names["instrument_name"], names["instrument"].tolist(), strict=True)),
        "velocities": sorted(set(known["velocity"].tolist())),
    }


def _decide(run: Configuration, inputs: Mapping[str, Any], former: Path | None) -> Decision:
    """Decide whether the current model becomes the champion (`StoredAsset.decide`)."""
    return decide(_challenger(inputs, former, run.synthesis.thresholds))


@stored_asset(
    config=lambda run: run.synthesis.thresholds,
    files=[RECORD],
    kinds={"python"},
    lineage=("nsynth_shards", "synthesis_model", "synthesis_scores", "synthesis_baseline_scores"),
    experiments=False,
    decide=_decide,
)
def synthesis_champion(work: Work) -> Summary:
    """The model in use: the newest one that passed every required criterion.

    A new model replaces it only if it passes all of them, one of which is to be better than the champion before, by
    the whole 95 % interval of the ratio of their losses on the validation notes.
    """
    folder, inputs = work.execution.folder, work.inputs
    copy_model(inputs["synthesis_model"], folder)
    shutil.copy2(inputs["synthesis_scores"] / _SCORES, folder / _SCORES)
    return write_record(folder, _challenger(inputs, inputs[FORMER], work.config), _labels(inputs["nsynth_shards"]))
