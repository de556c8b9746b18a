"""The report of the conversion system."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.champion import history
from assets.conversion.scores import SCORES, bounds, evidence
from assets.conversion.studies import STUDY
from assets.conversion.variants import ablation, compared
from assets.declaration import IN_USE, Summary, Work, stored_asset
from assets.listening import RATINGS, commit, told_by_listeners
from assets.origin import hours_of, made_by
from assets.provenance import in_words
from assets.store.versions import Version, read_recipe
from models.conversion.presets import DISCRIMINATORS, FREEZING, LENGTHS, PRESETS

if TYPE_CHECKING:
    import pandas as pd

    from eval.conversion.report_input import Study

_TRAINED = (
    "conversion_encoder",
    "conversion_melody",
    "conversion_content",
    "conversion_acoustic",
    "conversion_pitched_acoustic",
    "conversion_vocoder",
    "conversion_tuned_vocoder",
)

_COMPARED = ("conversion_melody_scores", "conversion_scores", "conversion_length_study")


@stored_asset(
    config=lambda run: run.conversion.thresholds,
    files=["report.html"],
    kinds={"html"},
    lineage=(
        "voices_clips",
        "conversion_targets",
        "conversion_mixtures",
        *_TRAINED,
        "conversion_melodies",
        "conversion_baseline_melodies",
        "conversion_converted",
        "conversion_baseline_converted",
        "conversion_melody_scores",
        "conversion_baseline_melody_scores",
        "conversion_scores",
        "conversion_baseline_scores",
        "conversion_vocoder_scores",
        "conversion_layer_weights",
        "conversion_length_study",
        "conversion_target_study",
        "conversion_cost",
        "conversion_champion",
        RATINGS,
    ),
    optional=("conversion_champion", RATINGS),
    all_variants=_COMPARED,
    compared=("conversion_scores",),
)
def conversion_report(work: Work) -> Summary:
    """One HTML page with tables, curves, studies and audio players, and the same content as files.

    It includes the ablations that have been made so far.
    """
    from eval.conversion.report import write_report

    return write_report(work.execution.folder, _study(work))


def _study(work: Work) -> "Study":
    """Return the input data of the report."""
    from data.files.durable import read_json
    from data.files.tables import read_frame
    from eval.conversion.listening import listening_subject
    from eval.conversion.report_input import Folders, Study
    from eval.conversion.studies import Studies
    from eval.report.naming import settings_of_systems

    variants: dict[str, Mapping[str, Path]] = {name: work.inputs[name] for name in _COMPARED}
    inputs = {**work.inputs, **{name: folders[""] for name, folders in variants.items()}}
    found = evidence(inputs)
    champion, in_use = inputs["conversion_champion"], inputs.get(f"conversion_scores {IN_USE}")
    histories = {name: inputs[name] / "history.parquet" for name in _TRAINED}
    study = Study(
        folders=Folders(
            inputs["voices_clips"],
            inputs["conversion_targets"],
            inputs["conversion_mixtures"],
            [inputs["conversion_converted"], inputs["conversion_baseline_converted"]],
            [inputs["conversion_melodies"], inputs["conversion_baseline_melodies"]],
        ),
        scores=found.scores,
        bounds=bounds(work.config),
        provenance=_provenance(work, inputs),
        melody=found.melody,
        vocoder=found.vocoder,
        embeddings=_embeddings(inputs),
        studies=Studies(
            ablation=ablation(variants["conversion_melody_scores"], PRESETS[work.environment.preset], _encoder(inputs)),
            layer_weights=read_frame(inputs["conversion_layer_weights"] / "weights.parquet"),
            lengths=_lengths(variants["conversion_length_study"]),
            freezing=compared(variants["conversion_scores"], FREEZING),
            discriminators=compared(variants["conversion_scores"], DISCRIMINATORS),
            targets=read_frame(inputs["conversion_target_study"] / STUDY),
        ),
        histories={name: read_frame(path) for name, path in histories.items() if path.is_file()},
        cost=read_json(inputs["conversion_cost"] / "cost.json"),
        champions=history(champion) if champion is not None else (),
        in_use=None if in_use is None else read_frame(in_use / SCORES),
    )
    subject = listening_subject(found.scores, commit(inputs["conversion_acoustic"]))
    with settings_of_systems(study.settings):
        return replace(study, listening=told_by_listeners(inputs[RATINGS], subject))


def _embeddings(inputs: Mapping[str, Any]) -> "pd.DataFrame":
    """Return the speaker embeddings of all systems; empty without a speaker encoder."""
    import pandas as pd

    from data.files.tables import read_frame

    files = [inputs[name] / "embeddings.parquet" for name in ("conversion_scores", "conversion_baseline_scores")]
    return pd.concat([read_frame(one) for one in files if one.is_file()] or [pd.DataFrame()], ignore_index=True)


def _lengths(variants: Mapping[str, Path]) -> "pd.DataFrame":
    """Return the study of the length of fine-tuning: the training that kept its weights, or else the main one."""
    from data.files.tables import read_frame

    return read_frame(variants.get(LENGTHS, variants[""]) / STUDY)


def _encoder(inputs: Mapping[str, Any]) -> str:
    """Return the name of the published encoder that is used, or "trained here"."""
    return Version(inputs["conversion_encoder"]).record["summary"].get("published", "trained here")


def _provenance(work: Work, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the origin of the data, the model, the scores and the page, as texts by name for the report."""
    clips = Version(inputs["voices_clips"]).record["summary"]
    model, scores = Version(inputs["conversion_acoustic"]), Version(inputs["conversion_scores"])
    page = read_recipe(work.execution.folder)["provenance"]
    from data.licences import licence_of, licences_of_voices
    from data.musdb.dataset import LICENCE, OFFICIAL
    from data.shards.reader import Shards
    from data.voices.corpora import LICENCES

    layouts = set(map(str, Shards(inputs["voices_clips"]).column("layout")))
    accompaniments = licence_of(work.environment.musdb, "MUSDB18", LICENCE, OFFICIAL)
    return {
        **made_by(work, "conversion", {name: inputs[name] for name in _TRAINED}),
        "data": "embedded synthetic singers" if clips["embedded"] else f"singing from {clips['location']}",
        "clips": f"{clips['clips']:,} of {clips['singers']} singers",
        "hours of data": hours_of({one: float(clips[f"{one}_seconds"]) for one in ("train", "valid", "test")}),
        "licence of the data": licences_of_voices(layouts, LICENCES, accompaniments),
        "target singer": clips["target"],
        "preset": work.environment.preset,
        **({"experiment": work.experiment} if work.experiment else {}),
        "encoder": _encoder(inputs),
        "model fingerprint": model.fingerprint[:16],
        **{f"model: {name}": value for name, value in in_words(model.record["provenance"]).items()},
        "scores: commit": in_words(scores.record["provenance"])["commit"],
        **{f"page: {name}": value for name, value in in_words(page).items()},
    }
