"""The separation system, stage by stage: codec, latents, denoiser; and the discriminative network beside it.

Partitions are the ways in which the denoiser is shown the mixture.
"""

from pathlib import Path

import dagster as dg

from assets.materialize import OWNERS, RETRY, STAGE, curves, materialize
from assets.progress import progress_listener
from assets.setup import Run, Setup
from assets.store import Recipe, Store
from models.separation.config import CONDITIONS as _CONDITIONS

CONDITIONS = dg.StaticPartitionsDefinition(list(_CONDITIONS))
WEIGHTS = ("model.safetensors",)


@dg.asset(code_version="1", **STAGE)
def separation_codec(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, config: Run, separation_songs: Path
) -> dg.MaterializeResult:
    """A convolutional codec learns to rebuild vocals and mixtures from a fiftieth of a second at a time.

    Or a published one, where TESSITURA_CODEC names it.
    """
    from models.separation.published.codecs import CODECS
    from models.separation.published.hub import copy_published_codec
    from models.separation.train import train_codec

    system, device = setup.separation(config), setup.torch_device()
    if name := system.published:
        recipe = Recipe({"published": name, "sha256": CODECS[name].sha256}, {}, WEIGHTS)

        def take(folder: Path) -> dict[str, str]:
            copy_published_codec(name, Path(setup.downloads), folder, progress_listener(context))
            return {"published": name}

        return materialize(context, store, recipe, take)
    decisive = [
        system.codec,
        system.codec_segment,
        system.train_codec,
        system.augmentation,
        system.validation_seconds,
    ]
    return materialize(
        context,
        store,
        Recipe(decisive, {"separation_songs": separation_songs}, WEIGHTS),
        lambda folder: train_codec(folder, separation_songs, system, device, progress_listener(context)),
        curves,
    )


@dg.asset(code_version="1", kinds={"pytorch", "parquet"}, owners=OWNERS, retry_policy=RETRY)
def separation_latents(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    separation_songs: Path,
    separation_codec: Path,
) -> dg.MaterializeResult:
    """Vocals and mixtures as latent frames in shards, with the mean and spread of each channel: what is denoised."""
    from models.separation.latents import write_latents
    from models.separation.load import load_codec

    system, device = setup.separation(config), setup.torch_device()
    inputs = {"separation_songs": separation_songs, "separation_codec": separation_codec}
    seed = system.train_denoiser.seed  # of the remixes
    decisive = {"remixes": system.remixes, "segment": system.segment, "seed": seed, **system.augmentation}

    def work(folder: Path) -> dict[str, int]:
        codec = load_codec(separation_codec, device)
        return write_latents(folder, separation_songs, codec, system, device, progress_listener(context))

    return materialize(context, store, Recipe(decisive, inputs, ("index.parquet",)), work)


@dg.asset(partitions_def=CONDITIONS, code_version="1", **STAGE)
def separation_denoiser(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, config: Run, separation_latents: Path
) -> dg.MaterializeResult:
    """A U-Net learns to take noise off the latent of vocals, given that of the mixture."""
    from models.separation.train import train_denoiser

    system, device = setup.separation(config, context.partition_key), setup.torch_device()
    decisive = [system.denoiser, system.segment, system.train_denoiser]
    return materialize(
        context,
        store,
        Recipe(decisive, {"separation_latents": separation_latents}, WEIGHTS),
        lambda folder: train_denoiser(folder, separation_latents, system, device, progress_listener(context)),
        curves,
    )


@dg.asset(code_version="1", **STAGE)
def separation_mask_network(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, config: Run, separation_songs: Path
) -> dg.MaterializeResult:
    """The discriminative network: a mask on the mixture's spectrogram, trained on the same songs."""
    from models.separation.train import train_mask_network

    system, device = setup.separation(config), setup.torch_device()
    decisive = [
        system.mask_network,
        system.mask_segment,
        system.train_mask_network,
        system.augmentation,
        system.validation_seconds,
    ]
    return materialize(
        context,
        store,
        Recipe(decisive, {"separation_songs": separation_songs}, WEIGHTS),
        lambda folder: train_mask_network(folder, separation_songs, system, device, progress_listener(context)),
        curves,
    )


@dg.asset_check(asset=separation_denoiser, partitions_def=CONDITIONS, blocking=True)
def denoiser_finite(separation_denoiser: Path) -> dg.AssetCheckResult:
    """The denoiser loads again and holds no NaN or infinity."""
    from models.training.checkpoint import count_not_finite

    bad = count_not_finite(separation_denoiser / "model")
    return dg.AssetCheckResult(passed=bad == 0, metadata={"values that are NaN or infinite": bad})


@dg.asset_check(asset=separation_latents, blocking=True)
def unit_variance(separation_latents: Path) -> dg.AssetCheckResult:
    """Every latent channel varies: a dead one would be scaled up to noise."""
    from data.shards.reader import Shards

    deviation = Shards(separation_latents).metadata["deviation"]
    smallest, largest = min(deviation), max(deviation)
    return dg.AssetCheckResult(
        passed=smallest > 1e-3 * largest, metadata={"smallest deviation": smallest, "largest deviation": largest}
    )
