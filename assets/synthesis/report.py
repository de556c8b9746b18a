"""The report of the synthesis system."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from assets.champion import history
from assets.declaration import IN_USE, Summary, Work, stored_asset
from assets.listening import RATINGS, commit, told_by_listeners
from assets.origin import made_by
from assets.provenance import in_words
from assets.store.versions import Version, read_recipe
from assets.synthesis.evaluation import bounds
from models.synthesis.presets import VARIANTS

if TYPE_CHECKING:
    from eval.synthesis.report_input import Study

_STAGES = ("synthesis_autoencoder", "synthesis_sequence", "synthesis_model", "synthesis_wavenet")


@stored_asset(
    config=lambda run: run.synthesis.thresholds,
    files=["report.html"],
    kinds={"html"},
    lineage=(
        "nsynth_shards",
        *_STAGES,
        "synthesis_notes",
        "synthesis_baseline_notes",
        "synthesis_scores",
        "synthesis_baseline_scores",
        "synthesis_instrument_map",
        "synthesis_sweeps",
        "synthesis_disentanglement",
        "synthesis_cost",
        "synthesis_champion",
        RATINGS,
    ),
    all_variants=("synthesis_notes", "synthesis_scores"),
    optional=("synthesis_champion", "synthesis_wavenet", RATINGS),
    compared=("synthesis_scores",),
)
def synthesis_report(work: Work) -> Summary:
    """One HTML page with tables, confidence intervals, audio players and maps, and the same content as files.

    It includes the ablations that have been made so far.
    """
    from eval.synthesis.report import write_report

    return write_report(work.execution.folder, _study(work))


def _study(work: Work) -> "Study":
    """Return the input data of the report."""
    import pandas as pd

    from data.files.tables import read_frame
    from eval.report.naming import settings_of_systems
    from eval.synthesis.listening import listening_subject
    from eval.synthesis.report_input import Study
    from eval.synthesis.tables import BEYOND, EMBEDDED

    inputs, champion = work.inputs, work.inputs["synthesis_champion"]
    scores = {one or VARIANTS[0]: read_frame(folder / "scores.parquet")
              for one, folder in inputs["synthesis_scores"].items()}  # fmt: skip
    in_use = inputs.get(f"synthesis_scores {IN_USE}")
    baselines = read_frame(inputs["synthesis_baseline_scores"] / "scores.parquet")
    subject = listening_subject(pd.concat([scores[VARIANTS[0]], baselines]), commit(inputs["synthesis_model"]))
    study = Study(
        notes=inputs["nsynth_shards"],
        outputs=[folder for one, folder in inputs["synthesis_notes"].items() if not one or one in BEYOND],
        baseline_outputs=inputs["synthesis_baseline_notes"],
        scores=scores,
        baseline_scores=baselines,
        instruments=inputs["synthesis_instrument_map"],
        control=inputs["synthesis_disentanglement"],
        sweeps=inputs["synthesis_sweeps"],
        cost=inputs["synthesis_cost"],
        histories={name: read_frame(folder / "history.parquet") for name in _STAGES if (folder := inputs[name])},
        bounds=bounds(work.config),
        champions=history(champion) if champion is not None else [],
        provenance=_provenance(work, inputs),
        in_use=None if in_use is None else read_frame(in_use / "scores.parquet"),
    )
    if study.provenance["data"] == EMBEDDED:  # not to stand beside published figures
        subject = replace(subject, published={})
    with settings_of_systems(study.settings):
        return replace(study, listening=told_by_listeners(inputs[RATINGS], subject))


def _provenance(work: Work, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the origin of the data, the model, the scores and the page, as texts by name for the report."""
    shards, model, scores = inputs["nsynth_shards"], inputs["synthesis_model"], inputs["synthesis_scores"][""]
    from data.licences import licence_of
    from data.nsynth.dataset import LICENCE
    from eval.synthesis.tables import EMBEDDED

    summary = Version(shards).record["summary"]
    page = read_recipe(work.execution.folder)["provenance"]
    return {
        **made_by(work, "synthesis", {name: inputs[name] for name in _STAGES}),
        "data": EMBEDDED if summary["embedded"] else f"NSynth from {summary['location']}",
        "notes": ", ".join(f"{summary[one]:,} {one}" for one in ("train", "valid", "test")),
        "hours of data": f"{summary['hours']:.2f}",
        "licence of the data": licence_of(work.environment.nsynth, "NSynth", LICENCE, ["official"]),
        "data fingerprint": Version(shards).fingerprint[:16],
        "preset": work.environment.preset,
        "variant": VARIANTS[0],
        **({"experiment": work.experiment} if work.experiment else {}),
        "model fingerprint": Version(model).fingerprint[:16],
        **{f"model: {name}": value for name, value in in_words(Version(model).record["provenance"]).items()},
        "scores: commit": in_words(Version(scores).record["provenance"])["commit"],
        **{f"page: {name}": value for name, value in in_words(page).items()},
    }
