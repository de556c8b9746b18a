"""Evaluation of SING: notes of each system, scores, instrument map, sweeps, cost, quality checks."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assets.declaration import Shown, Summary, Work, stored_asset
from assets.display import dots, figure, picture, table
from assets.environment import Environment
from assets.quality import Quality, gather
from assets.store.versions import Version
from assets.synthesis.stages import ABLATIONS
from models.synthesis.config import EvaluationNotes, Thresholds
from models.synthesis.presets import PRESETS

if TYPE_CHECKING:
    from eval.acceptance import Criterion
    from eval.synthesis.acceptance import Bounds

INDEX = ("index.parquet",)
SCORES = ("scores.parquet",)
_WAVENET = "synthesis_wavenet"
_STAGES = ("synthesis_autoencoder", "synthesis_sequence", "synthesis_model", _WAVENET)


@stored_asset(
    config=lambda run: EvaluationNotes(run.synthesis.evaluated.train),
    files=INDEX,
    kinds={"pytorch"},
    variants=ABLATIONS,
)
def synthesis_notes(work: Work, nsynth_shards: Path, synthesis_model: Path, synthesis_autoencoder: Path) -> Summary:
    """The test notes and some training notes, as SING synthesises them and as its autoencoder reconstructs them."""
    from models.synthesis.estimates import write_sing

    return write_sing(work.execution, nsynth_shards, synthesis_model, synthesis_autoencoder, work.config)


@stored_asset(
    config=lambda run: run.synthesis.evaluated,
    files=INDEX,
    kinds={"pytorch"},
    trains=True,
    optional=(_WAVENET,),
)
def synthesis_baseline_notes(work: Work, nsynth_shards: Path, synthesis_wavenet: Path | None) -> Summary:
    """The same notes by the baselines: silence, copy of the nearest training note, Griffin-Lim (oracle), WaveNet."""
    from models.synthesis.estimates import write_baselines

    return write_baselines(work.execution, nsynth_shards, synthesis_wavenet, work.config)


def _summary(folder: Path) -> Shown:
    """Return a summary table of scores, and means of three metrics as numbers that the web UI plots."""
    from data.files.tables import read_frame
    from eval.synthesis.note_metrics import METRICS
    from eval.synthesis.tables import HEADINGS, name_of
    from eval.table import summarise

    scores = read_frame(folder / "scores.parquet")
    summary = summarise(scores, list(METRICS), by=("system", "split"), group="instrument")
    means = summary[summary["metric"].isin(["spectral", "in_tune", "waveform_mse"]) & (summary["count"] > 0)]
    plotted = {
        f"{HEADINGS[one['metric']]}, {name_of(one['system'])}, {one['split']}": figure(one["mean"])
        for one in means.to_dict("records")
    }
    shown = summary.assign(system=summary["system"].map(name_of), metric=summary["metric"].map(HEADINGS))
    return {"scores": table(shown), **plotted}


@stored_asset(files=SCORES, kinds={"parquet"}, show=_summary)
def synthesis_baseline_scores(work: Work, nsynth_shards: Path, synthesis_baseline_notes: Path) -> Summary:
    """Scores of the baselines: one row per note and system, one column per metric."""
    from eval.synthesis.score import write_scores

    return write_scores(work.execution, nsynth_shards, synthesis_baseline_notes)


@stored_asset(files=SCORES, kinds={"parquet"}, variants=ABLATIONS, show=_summary)
def synthesis_scores(work: Work, nsynth_shards: Path, synthesis_notes: Path) -> Summary:
    """Scores of SING and of its autoencoder: one row per note and system, one column per metric."""
    from eval.synthesis.score import write_scores

    return write_scores(work.execution, nsynth_shards, synthesis_notes)


def _map(folder: Path) -> Shown:
    """Return the map as a small drawing, and as a picture with names."""
    from data.files.tables import read_frame

    places = read_frame(folder / "map.parquet")
    small = dots(list(zip(places["x"], places["y"], strict=True)), "instruments")
    return {"map": small, "map with names": picture((folder / "map.png").read_bytes(), "instruments")}


@stored_asset(
    files=["map.parquet"],
    kinds={"scikitlearn"},
    show=_map,
)
def synthesis_instrument_map(work: Work, nsynth_shards: Path, synthesis_model: Path) -> Summary:
    """A t-SNE map of the instrument embeddings that SING has learnt, with numbers that show how reliable it is."""
    from eval.synthesis.instruments import write_map
    from models.synthesis.train import instrument_rows

    return write_map(work.execution, nsynth_shards, instrument_rows(synthesis_model))


@stored_asset(files=INDEX, kinds={"pytorch"})
def synthesis_sweeps(work: Work, nsynth_shards: Path, synthesis_model: Path) -> Summary:
    """Synthesised notes: pitch varied for each instrument, instrument varied at a pitch, and interpolations."""
    from models.synthesis.sweeps import write_sweeps

    return write_sweeps(work.execution, nsynth_shards, synthesis_model)


@stored_asset(files=["grid.parquet", "shared.parquet", "paths.parquet"], kinds={"scikitlearn"})
def synthesis_disentanglement(work: Work, nsynth_shards: Path, synthesis_sweeps: Path) -> Summary:
    """Scores of the sweeps: does the pitch label change only the pitch, and the instrument only the timbre?"""
    from eval.synthesis.sweeps import write_disentanglement

    return write_disentanglement(work.execution, nsynth_shards, synthesis_sweeps)


@stored_asset(
    config=lambda run: {"device": run.environment.device},
    files=["cost.json"],
    kinds={"pytorch"},
    trains=True,
    lineage=_STAGES,
    optional=(_WAVENET,),
)
def synthesis_cost(work: Work) -> Summary:
    """Table 2 of the paper, measured on this machine: training time, generation speed, compression, model size."""
    from models.synthesis.cost import write_cost

    made = {name: work.inputs[name] for name in _STAGES if work.inputs[name] is not None}
    seconds = {name: Version(folder).record["summary"]["seconds"] for name, folder in made.items()}
    return write_cost(work.execution, made["synthesis_model"], made.get(_WAVENET), seconds)


def bounds(asked: Thresholds) -> "Bounds":
    """Return the bounds of the acceptance criteria for the thresholds of a configuration.

    Example:
        >>> bounds(PRESETS["demo"].thresholds).silence_ratio
        0.5
    """
    from eval.synthesis.acceptance import Bounds

    return Bounds(asked.silence_ratio, asked.nearest_required, asked.pitch_accuracy)


def _criteria(folders: Mapping[str, Path], environment: Environment) -> "dict[str, Criterion]":
    """Return the results of the acceptance criteria, without the comparison with a champion."""
    from eval.synthesis.acceptance import acceptance_criteria

    return acceptance_criteria(gather(*folders.values()), bounds(PRESETS[environment.preset].thresholds))


QUALITY = Quality(
    ("synthesis_scores", "synthesis_baseline_scores"),
    _criteria,
    {
        "complete": "It made every test note, finite and of the right length.",
        "better_than_silence": "Its spectral loss is well below that of silence.",
        "better_than_nearest_pitch": "It is closer to unseen notes than a copy of the nearest training note.",
        "in_tune": "Its notes have the pitch that was asked for.",
    },
)
