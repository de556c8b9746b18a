"""SING judged: what every system makes of the test notes, the scores, the maps, the costs, the champion."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.champion import challenge
from assets.checks import quality
from assets.materialize import OWNERS, RETRY, TRAINING, Shown, materialize, picture, table
from assets.progress import progress_listener
from assets.setup import Run, Setup
from assets.store import RUN, Recipe, Store
from assets.synthesis.stages import VARIANTS
from data.files.durable import read_json

if TYPE_CHECKING:
    import pandas as pd

    from eval.acceptance import Criterion

INDEX = ("index.parquet",)
SCORES = ("scores.parquet",)


@dg.asset(partitions_def=VARIANTS, code_version="1", kinds={"pytorch"}, owners=OWNERS, retry_policy=RETRY)
def synthesis_notes(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    nsynth_shards: Path,
    synthesis_model: Path,
    synthesis_autoencoder: Path,
) -> dg.MaterializeResult:
    """The test notes as SING plays them from their labels, and as its autoencoder rebuilds them."""
    from models.synthesis.estimates import write_sing

    sing, device = setup.synthesis(config, context.partition_key), setup.torch_device()
    inputs = {
        "nsynth_shards": nsynth_shards,
        "synthesis_model": synthesis_model,
        "synthesis_autoencoder": synthesis_autoencoder,
    }
    return materialize(
        context,
        store,
        Recipe({"train_notes": sing.evaluated_train_notes}, inputs, INDEX),
        lambda folder: write_sing(folder, *inputs.values(), sing, device, progress_listener(context)),
    )


@dg.asset(code_version="1", kinds={"pytorch"}, owners=OWNERS, retry_policy=RETRY, pool=TRAINING)
def synthesis_baseline_notes(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    nsynth_shards: Path,
    synthesis_wavenet: Path,
) -> dg.MaterializeResult:
    """The same notes by silence, a copy of the nearest training note, Griffin-Lim (oracle) and the WaveNet."""
    from models.synthesis.estimates import write_baselines

    sing, device = setup.synthesis(config), setup.torch_device()
    inputs = {"nsynth_shards": nsynth_shards, "synthesis_wavenet": synthesis_wavenet}
    return materialize(
        context,
        store,
        Recipe([sing.evaluated_train_notes, sing.wavenet_notes], inputs, INDEX),
        lambda folder: write_baselines(
            folder, nsynth_shards, synthesis_wavenet, sing, device, progress_listener(context)
        ),
    )


@dg.asset(code_version="1", kinds={"parquet"}, owners=OWNERS)
def synthesis_baseline_scores(
    context: dg.AssetExecutionContext, store: Store, nsynth_shards: Path, synthesis_baseline_notes: Path
) -> dg.MaterializeResult:
    """Every metric of every baseline note: one row each."""
    return _judged(
        context, store, {"nsynth_shards": nsynth_shards, "synthesis_baseline_notes": synthesis_baseline_notes}
    )


@dg.asset(partitions_def=VARIANTS, code_version="1", kinds={"parquet"}, owners=OWNERS)
def synthesis_scores(
    context: dg.AssetExecutionContext, store: Store, nsynth_shards: Path, synthesis_notes: Path
) -> dg.MaterializeResult:
    """Every metric of every note of SING and its autoencoder: one row each."""
    return _judged(context, store, {"nsynth_shards": nsynth_shards, "synthesis_notes": synthesis_notes})


def _judged(context: dg.AssetExecutionContext, store: Store, inputs: dict[str, Path]) -> dg.MaterializeResult:
    """Score what lies in the second of `inputs` against the recordings in the first."""
    from eval.synthesis.score import write_scores

    return materialize(
        context,
        store,
        Recipe({}, inputs, SCORES),
        lambda folder: write_scores(folder, *inputs.values(), progress_listener(context)),
        _summary,
    )


def _summary(folder: Path) -> Shown:
    """Return the summary of a score table, and its spectral losses as numbers the UI plots."""
    import pandas as pd

    from eval.synthesis.note_metrics import METRICS
    from eval.table import summarise

    scores = pd.read_parquet(folder / "scores.parquet")
    summary = summarise(scores, list(METRICS), by=("system", "split"), group="pair")
    means = summary[summary["metric"].isin(["spectral", "in_tune", "waveform_mse"])]
    plotted = {f"{one.metric} {one.system} {one.split}": float(one.mean) for one in means.itertuples() if one.count}
    return {"scores": table(summary), **{name: dg.MetadataValue.float(value) for name, value in plotted.items()}}


@dg.asset(partitions_def=VARIANTS, code_version="1", kinds={"scikitlearn"}, owners=OWNERS)
def synthesis_instrument_map(
    context: dg.AssetExecutionContext, store: Store, nsynth_shards: Path, synthesis_model: Path
) -> dg.MaterializeResult:
    """A map of the instruments as SING's table has learnt them, with numbers that say whether to believe it."""
    from eval.synthesis.instruments import write_map
    from models.synthesis.train import instrument_rows

    inputs = {"nsynth_shards": nsynth_shards, "synthesis_model": synthesis_model}
    return materialize(
        context,
        store,
        Recipe({}, inputs, ("map.parquet",)),
        lambda folder: write_map(folder, nsynth_shards, instrument_rows(synthesis_model)),
        lambda folder: {"map": picture((folder / "map.png").read_bytes(), "instruments")},
    )


@dg.asset(partitions_def=VARIANTS, code_version="2", kinds={"pytorch"}, owners=OWNERS, retry_policy=RETRY)
def synthesis_sweeps(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, nsynth_shards: Path, synthesis_model: Path
) -> dg.MaterializeResult:
    """Pitch swept with the instrument fixed, the reverse, and ways from one instrument to another, as sound."""
    from models.synthesis.sweeps import write_sweeps

    inputs = {"nsynth_shards": nsynth_shards, "synthesis_model": synthesis_model}
    return materialize(
        context,
        store,
        Recipe({}, inputs, INDEX),
        lambda folder: write_sweeps(
            folder, nsynth_shards, synthesis_model, setup.torch_device(), progress_listener(context)
        ),
    )


@dg.asset(partitions_def=VARIANTS, code_version="2", kinds={"scikitlearn"}, owners=OWNERS)
def synthesis_disentanglement(
    context: dg.AssetExecutionContext, store: Store, nsynth_shards: Path, synthesis_sweeps: Path
) -> dg.MaterializeResult:
    """Disentanglement: does pitch move only the pitch, and the instrument only the timbre?"""
    from eval.synthesis.sweeps import write_disentanglement

    inputs = {"nsynth_shards": nsynth_shards, "synthesis_sweeps": synthesis_sweeps}
    return materialize(
        context,
        store,
        Recipe({}, inputs, ("grid.parquet", "shared.parquet", "paths.parquet")),
        lambda folder: write_disentanglement(folder, nsynth_shards, synthesis_sweeps, progress_listener(context)),
    )


@dg.asset(partitions_def=VARIANTS, code_version="2", kinds={"pytorch"}, owners=OWNERS, pool=TRAINING)
def synthesis_cost(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    synthesis_model: Path,
    synthesis_autoencoder: Path,
    synthesis_sequence: Path,
    synthesis_wavenet: Path,
) -> dg.MaterializeResult:
    """Table 2 of the paper: training time, speed of generation, compression and size, measured here."""
    from models.synthesis.cost import write_cost

    stages = {
        "synthesis_model": synthesis_model,
        "synthesis_autoencoder": synthesis_autoencoder,
        "synthesis_sequence": synthesis_sequence,
        "synthesis_wavenet": synthesis_wavenet,
    }
    seconds = {name: read_json(folder / RUN)["summary"]["seconds"] for name, folder in stages.items()}
    device = setup.torch_device()
    return materialize(
        context,
        store,
        Recipe({"device": str(device)}, stages, ("cost.json",)),
        lambda folder: write_cost(folder, synthesis_model, synthesis_wavenet, seconds, device),
    )


@dg.asset(partitions_def=VARIANTS, code_version="2", kinds={"python"}, owners=OWNERS)
def synthesis_champion(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    nsynth_shards: Path,
    synthesis_model: Path,
    synthesis_scores: Path,
    synthesis_baseline_scores: Path,
) -> dg.MaterializeResult:
    """The model in use: the newest one that passed every required check. It stays until one as good comes."""
    challenger = {
        "model": synthesis_model,
        "scores": synthesis_scores,
        "baselines": synthesis_baseline_scores,
        "notes": nsynth_shards,
    }
    case = challenge(store.home("synthesis_champion", context.partition_key), challenger, setup.bounds())
    if not case.promoted:
        return dg.MaterializeResult(metadata=case.shown(), data_version=dg.DataVersion(case.kept))
    inputs = {**challenger, **({"former": case.former} if case.former else {})}
    result = materialize(context, store, Recipe({}, inputs, ("champion.json",)), case.crown)
    return dg.MaterializeResult(metadata={**(result.metadata or {}), **case.shown()}, data_version=result.data_version)


def _verdicts(scores: "pd.DataFrame", setup: Setup) -> "dict[str, Criterion]":
    """Return what the preset asks of SING, and whether the scores show it."""
    from eval.synthesis.acceptance import acceptance_criteria

    return acceptance_criteria(scores, setup.bounds(), None)


complete, better_than_silence, better_than_nearest_pitch, in_tune = quality(
    synthesis_scores,
    "synthesis_baseline_scores",
    _verdicts,
    {
        "complete": "It made every test note, finite and of the right length.",
        "better_than_silence": "Its spectral loss is well below that of silence.",
        "better_than_nearest_pitch": "It is closer to unseen notes than a copy of the nearest training note.",
        "in_tune": "Its notes have the pitch that was asked for.",
    },
)
