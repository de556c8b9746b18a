"""The report of the separation system."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.champion import history
from assets.declaration import IN_USE, Summary, Work, stored_asset
from assets.listening import RATINGS, commit, told_by_listeners
from assets.origin import hours_of, made_by
from assets.provenance import in_words
from assets.quality import gather
from assets.separation.evaluation import bounds
from assets.store.versions import Version, read_recipe
from models.separation.presets import CONDITIONS

if TYPE_CHECKING:
    import pandas as pd

    from eval.separation.report_input import Study

_STAGES = ("separation_codec", "separation_denoiser", "separation_mask_network", "separation_refiner")


@stored_asset(
    config=lambda run: run.separation.thresholds,
    files=["report.html"],
    kinds={"html"},
    lineage=(
        "musdb_tracks",
        "separation_songs",
        *_STAGES,
        "separation_vocals",
        "separation_baseline_vocals",
        "separation_scores",
        "separation_baseline_scores",
        "separation_steps_study",
        "separation_average_study",
        "separation_noise_study",
        "separation_cost",
        "separation_validation",
        "separation_champion",
        RATINGS,
    ),
    optional=("separation_champion", RATINGS),
    all_variants=("separation_scores",),
    compared=("separation_scores",),
)
def separation_report(work: Work) -> Summary:
    """One HTML page with tables, confidence intervals, studies and audio players, and the same content as files.

    It includes the ablations that have been made so far.
    """
    from eval.separation.report import write_report

    return write_report(work.execution.folder, _study(work))


def _study(work: Work) -> "Study":
    """Return the input data of the report."""
    from data.files.durable import read_json
    from data.files.tables import read_frame
    from eval.report.naming import settings_of_systems
    from eval.separation.listening import listening_subject
    from eval.separation.report_input import Study

    inputs = work.inputs
    variants = inputs["separation_scores"]
    scores = [inputs["separation_baseline_scores"], variants[""]]
    histories = {name: inputs[name] / "history.parquet" for name in _STAGES}
    in_use = inputs.get(f"separation_scores {IN_USE}")
    study = Study(
        songs=inputs["separation_songs"],
        estimates=[inputs["separation_baseline_vocals"], inputs["separation_vocals"]],
        scores=gather(*scores),
        seconds=gather(*scores, file="seconds.parquet"),
        bounds=bounds(work.config),
        provenance=_provenance(work, inputs),
        # A published codec is not trained here, so it has no history.
        histories={name: read_frame(path) for name, path in histories.items() if path.is_file()},
        steps=_steps(inputs["separation_steps_study"]),
        noise=_noise(inputs["separation_noise_study"]),
        weights=_long(inputs["separation_average_study"]),
        variants={one or CONDITIONS[0]: read_frame(folder / "scores.parquet") for one, folder in variants.items()},
        cost=read_json(inputs["separation_cost"] / "cost.json"),
        in_use=None if in_use is None else read_frame(in_use / "scores.parquet"),
        validation=read_frame(inputs["separation_validation"] / "scores.parquet"),
        champions=[] if inputs["separation_champion"] is None else history(inputs["separation_champion"]),
        sampled=Version(inputs["separation_vocals"]).record["config"]["steps"],
    )
    subject = listening_subject(gather(*scores), commit(inputs["separation_denoiser"]))
    with settings_of_systems(study.settings):
        return replace(study, listening=told_by_listeners(inputs[RATINGS], subject))


def _long(folder: Path) -> "pd.DataFrame":
    """Return the scores of a study in long form: one row per excerpt, setting and metric."""
    from data.files.tables import read_frame
    from eval.separation.studies import METRICS

    study = read_frame(folder / "study.parquet")
    kept = [name for name in study.columns if name not in METRICS]
    return study.melt(kept, list(METRICS), "metric", "value")


def _steps(folder: Path) -> "pd.DataFrame":
    """Return the study of the number of DDIM steps, with the real-time factor of each number."""
    from data.files.durable import read_json

    factors, study = read_json(folder / "speed.json"), _long(folder)
    return study.assign(real_time_factor=study["steps"].map(lambda count: factors[str(count)]))


def _noise(folder: Path) -> "pd.DataFrame":
    """Return the study of noise, with the signal-to-noise ratio in dB; it is infinite without noise."""
    import numpy as np

    study = _long(folder)
    with np.errstate(divide="ignore"):
        return study.assign(snr_db=0.0 - 20 * np.log10(study["strength"]))


def _provenance(work: Work, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the origin of the data, the model, the scores and the page, as texts by name for the report."""
    from data.licences import licence_of
    from data.musdb.dataset import LICENCE, OFFICIAL

    tracks = Version(inputs["musdb_tracks"]).record["summary"]
    codec = Version(inputs["separation_codec"]).record["summary"]
    model, scores = Version(inputs["separation_denoiser"]), Version(inputs["separation_scores"][""])
    page = read_recipe(work.execution.folder)["provenance"]
    return {
        **made_by(work, "separation", {name: inputs[name] for name in _STAGES}),
        "data": "embedded synthetic songs" if tracks["embedded"] else f"songs from {tracks['location']}",
        "songs": ", ".join(f"{tracks[one]:,} {one}" for one in ("train", "valid", "test")),
        "hours of data": _hours(inputs["separation_songs"]),
        "licence of the data": licence_of(work.environment.musdb, "MUSDB18", LICENCE, OFFICIAL),
        "data fingerprint": Version(inputs["separation_songs"]).fingerprint[:16],
        "preset": work.environment.preset,
        **({"experiment": work.experiment} if work.experiment else {}),
        "codec": codec.get("published", "trained here"),
        "model fingerprint": model.fingerprint[:16],
        **{f"model: {name}": value for name, value in in_words(model.record["provenance"]).items()},
        "scores: commit": in_words(scores.record["provenance"])["commit"],
        **{f"page: {name}": value for name, value in in_words(page).items()},
    }


def _hours(songs: Path) -> str:
    """Return the hours of music by split, as text."""
    from data.shards.reader import Shards

    shards, seconds = Shards(songs), {}
    for row in shards.rows(source="vocals").tolist():
        split = str(shards.column("split")[row])
        lasts = float(shards.column("frames")[row]) / float(shards.column("sample_rate")[row])
        seconds[split] = seconds.get(split, 0.0) + lasts
    return hours_of(seconds)
