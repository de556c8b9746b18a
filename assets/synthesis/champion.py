"""The champion: the SING model in use, replaced when a challenger passes every required criterion."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.champion import RECORD, decide, write_champion
from assets.declaration import Decision, Summary, Work, stored_asset
from assets.environment import Configuration
from assets.synthesis.evaluation import bounds


def _challenger(inputs: Mapping[str, Any]) -> dict[str, Path]:
    """Return the folders of the challenger in the form that `assets.champion.decide` takes."""
    return {
        "model": inputs["synthesis_model"],
        "scores": inputs["synthesis_scores"],
        "baselines": inputs["synthesis_baseline_scores"],
    }


def _decide(run: Configuration, inputs: Mapping[str, Any], former: Path | None) -> Decision:
    """Decide whether the current model becomes the champion (`StoredAsset.decide`)."""
    return decide(_challenger(inputs), former, bounds(run.synthesis.thresholds))


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

    A new model replaces it only if it passes all of them, one of which is not to be worse than the champion before.
    """
    notes = work.inputs["nsynth_shards"]
    return write_champion(work, _challenger(work.inputs), notes, bounds(work.config))
