"""Studies of the separation system: steps of the sampler, moving average, noise in the latents, cost."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg

from assets.materialize import OWNERS, RETRY, STAGE, TRAINING, Shown, materialize, table
from assets.progress import progress_listener
from assets.separation.stages import CONDITIONS
from assets.setup import Run, Setup
from assets.store import Recipe, Store
from data.files.durable import write_json

_STUDY = ("study.parquet",)


@dg.asset(partitions_def=CONDITIONS, code_version="1", **STAGE)
def separation_steps_study(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    separation_songs: Path,
    separation_codec: Path,
    separation_denoiser: Path,
) -> dg.MaterializeResult:
    """Study: excerpts of the test songs by 1 to 50 steps of DDIM, judged."""
    from models.separation.cost import real_time_factor
    from models.separation.load import load_codec, load_denoiser, sampling
    from models.separation.separate import diffusion_separator
    from models.separation.studies import STEPS, write_steps

    system, device = setup.separation(config, context.partition_key), setup.torch_device()
    inputs = {
        "separation_songs": separation_songs,
        "separation_codec": separation_codec,
        "separation_denoiser": separation_denoiser,
    }

    def work(folder: Path) -> dict[str, int]:
        network = (load_codec(separation_codec, device), *load_denoiser(separation_denoiser, device))
        samplings = {count: sampling(system, count) for count in STEPS}
        made = write_steps(folder, separation_songs, network, samplings, progress_listener(context))
        factors = {
            count: real_time_factor(diffusion_separator(*network, one), system.channels)[0]
            for count, one in samplings.items()
        }
        write_json(folder / "speed.json", factors)
        return made

    return _study(context, store, Recipe({"frames": system.chunk, "overlap": system.overlap}, inputs, _STUDY), work)


@dg.asset(partitions_def=CONDITIONS, code_version="1", **STAGE)
def separation_average_study(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    separation_songs: Path,
    separation_codec: Path,
    separation_denoiser: Path,
) -> dg.MaterializeResult:
    """Study: excerpts of the test songs with the moving average of the denoiser's weights, and without."""
    from models.separation.load import load_codec, load_denoiser, sampling
    from models.separation.studies import write_weights

    system, device = setup.separation(config, context.partition_key), setup.torch_device()
    inputs = {
        "separation_songs": separation_songs,
        "separation_codec": separation_codec,
        "separation_denoiser": separation_denoiser,
    }

    def work(folder: Path) -> dict[str, int]:
        codec = load_codec(separation_codec, device)
        networks = {
            name: (codec, *load_denoiser(separation_denoiser, device, average=average))
            for name, average in (("moving average", True), ("last", False))
        }
        return write_weights(folder, separation_songs, networks, sampling(system), progress_listener(context))

    return _study(context, store, Recipe(system.sampling, inputs, _STUDY), work)


@dg.asset(code_version="2", kinds={"pytorch"}, owners=OWNERS, retry_policy=RETRY)
def separation_noise_study(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, separation_songs: Path, separation_codec: Path
) -> dg.MaterializeResult:
    """Study: vocals and mixtures decoded from latents with noise in them: how exact has the denoiser to be?"""
    from models.separation.load import load_codec
    from models.separation.studies import write_noise

    device = setup.torch_device()
    inputs = {"separation_songs": separation_songs, "separation_codec": separation_codec}

    def work(folder: Path) -> dict[str, int]:
        codec = load_codec(separation_codec, device)
        return write_noise(folder, separation_songs, codec, device, listener=progress_listener(context))

    return _study(context, store, Recipe({}, inputs, _STUDY), work)


def _study(
    context: dg.AssetExecutionContext, store: Store, recipe: Recipe, work: Callable[[Path], dict[str, int]]
) -> dg.MaterializeResult:
    """Materialise a study: `work` makes its sounds of the songs, and they are judged."""
    from eval.separation.studies import write_study

    def judged(folder: Path) -> dict[str, int]:
        return {**work(folder), **write_study(folder, recipe.inputs["separation_songs"], folder)}

    return materialize(context, store, recipe, judged, _settings)


def _settings(folder: Path) -> Shown:
    """Return the median over excerpts of every metric under every setting."""
    import pandas as pd

    from eval.separation.studies import METRICS

    study = pd.read_parquet(folder / "study.parquet")
    settings = [name for name in study.columns if name not in (*METRICS, "track", "start")]
    return {"medians": table(study.groupby(settings)[list(METRICS)].median().reset_index())}


@dg.asset(partitions_def=CONDITIONS, code_version="1", kinds={"pytorch"}, owners=OWNERS, pool=TRAINING)
def separation_cost(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    separation_codec: Path,
    separation_denoiser: Path,
    separation_mask_network: Path,
) -> dg.MaterializeResult:
    """Speed, time to the first sound and size of the systems, measured here."""
    from models.separation.cost import write_cost
    from models.separation.load import (
        load_codec,
        load_denoiser,
        load_mask_network,
        trained_diffusion,
        trained_mask_network,
    )

    system, device = setup.separation(config, context.partition_key), setup.torch_device()
    inputs = {
        "separation_codec": separation_codec,
        "separation_denoiser": separation_denoiser,
        "separation_mask_network": separation_mask_network,
    }

    def work(folder: Path) -> dict[str, float]:
        separators = {
            "diffusion": trained_diffusion(separation_codec, separation_denoiser, system, device),
            "masks": trained_mask_network(separation_mask_network, system, device),
        }
        networks = {
            "codec": load_codec(separation_codec, device),
            "denoiser": load_denoiser(separation_denoiser, device)[0],
            "masks": load_mask_network(separation_mask_network, device),
        }
        return write_cost(folder, separators, networks, system.channels, device)

    recipe = Recipe({**system.sampling, "device": str(device)}, inputs, ("cost.json",))
    return materialize(context, store, recipe, work)
