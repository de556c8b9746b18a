"""SING, stage by stage: autoencoder, embeddings, sequence generator, fine-tuned model; and its competitor.

Partitions are the rows of the paper's Table 1. Stages of two rows that come to the same
(the autoencoder does not know of the time embedding) are made once.
"""

from pathlib import Path

import dagster as dg

from assets.materialize import OWNERS, RETRY, STAGE, curves, materialize
from assets.progress import progress_listener
from assets.setup import Run, Setup
from assets.store import Recipe, Store
from models.synthesis.config import VARIANTS as _VARIANTS

VARIANTS = dg.StaticPartitionsDefinition(list(_VARIANTS))
WEIGHTS = ("model.safetensors",)


@dg.asset(partitions_def=VARIANTS, code_version="1", **STAGE)
def synthesis_autoencoder(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, config: Run, nsynth_shards: Path
) -> dg.MaterializeResult:
    """Stage 1: a convolutional autoencoder learns to rebuild notes through frames of a few values."""
    from models.synthesis.train import train_autoencoder

    sing, device = setup.synthesis(config, context.partition_key), setup.torch_device()
    decisive = [sing.autoencoder, sing.train_autoencoder, sing.loss, sing.pitch_shifts, sing.onsets]
    recipe = Recipe(decisive, {"nsynth_shards": nsynth_shards}, WEIGHTS)
    return materialize(
        context,
        store,
        recipe,
        lambda folder: train_autoencoder(folder, nsynth_shards, sing, device, progress_listener(context)),
        curves,
    )


@dg.asset(partitions_def=VARIANTS, code_version="1", kinds={"pytorch", "parquet"}, owners=OWNERS, retry_policy=RETRY)
def synthesis_embeddings(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    nsynth_shards: Path,
    synthesis_autoencoder: Path,
) -> dg.MaterializeResult:
    """The training notes as the encoder's frames, in shards: what stage 2 learns to generate."""
    from models.synthesis.embed import embed

    sing, device = setup.synthesis(config, context.partition_key), setup.torch_device()
    inputs = {"nsynth_shards": nsynth_shards, "synthesis_autoencoder": synthesis_autoencoder}
    recipe = Recipe({"shifts": sing.pitch_shifts}, inputs, ("index.parquet",))
    return materialize(
        context,
        store,
        recipe,
        lambda folder: embed(folder, nsynth_shards, synthesis_autoencoder, sing, device, progress_listener(context)),
    )


@dg.asset(partitions_def=VARIANTS, code_version="1", **STAGE)
def synthesis_sequence(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    synthesis_embeddings: Path,
    synthesis_autoencoder: Path,
    nsynth_shards: Path,
) -> dg.MaterializeResult:
    """Stage 2: an LSTM learns to generate the embedding of a note from its labels alone."""
    from models.synthesis.train import train_sequence

    sing, device = setup.synthesis(config, context.partition_key), setup.torch_device()
    inputs = {
        "synthesis_embeddings": synthesis_embeddings,
        "synthesis_autoencoder": synthesis_autoencoder,
        "nsynth_shards": nsynth_shards,
    }
    recipe = Recipe([sing.sequence, sing.train_sequence, sing.truncation], inputs, WEIGHTS)
    return materialize(
        context,
        store,
        recipe,
        lambda folder: train_sequence(
            folder, synthesis_embeddings, synthesis_autoencoder, nsynth_shards, sing, device, progress_listener(context)
        ),
        curves,
    )


@dg.asset(partitions_def=VARIANTS, code_version="1", **STAGE)
def synthesis_model(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    nsynth_shards: Path,
    synthesis_autoencoder: Path,
    synthesis_sequence: Path,
) -> dg.MaterializeResult:
    """Stage 3: LSTM and decoder are trained together, from labels to waveform. This is SING."""
    from models.synthesis.train import fine_tune

    sing, device = setup.synthesis(config, context.partition_key), setup.torch_device()
    inputs = {
        "nsynth_shards": nsynth_shards,
        "synthesis_autoencoder": synthesis_autoencoder,
        "synthesis_sequence": synthesis_sequence,
    }
    recipe = Recipe([sing.fine_tune, sing.loss, sing.pitch_shifts, sing.onsets], inputs, WEIGHTS)
    return materialize(
        context,
        store,
        recipe,
        lambda folder: fine_tune(
            folder, nsynth_shards, synthesis_autoencoder, synthesis_sequence, sing, device, progress_listener(context)
        ),
        curves,
    )


@dg.asset(code_version="1", **STAGE)
def synthesis_wavenet(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, config: Run, nsynth_shards: Path
) -> dg.MaterializeResult:
    """The competitor: a small WaveNet autoencoder, which hears the note it rebuilds."""
    from models.synthesis.train_wavenet import train_wavenet

    sing, device = setup.synthesis(config), setup.torch_device()
    recipe = Recipe([sing.wavenet, sing.train_wavenet, sing.pitch_shifts], {"nsynth_shards": nsynth_shards}, WEIGHTS)
    return materialize(
        context,
        store,
        recipe,
        lambda folder: train_wavenet(folder, nsynth_shards, sing, device, progress_listener(context)),
        curves,
    )


@dg.asset_check(asset=synthesis_model, partitions_def=VARIANTS, blocking=True)
def weights_finite(synthesis_model: Path) -> dg.AssetCheckResult:
    """The model loads again and holds no NaN or infinity."""
    from models.training.checkpoint import count_not_finite

    bad = count_not_finite(synthesis_model / "model")
    return dg.AssetCheckResult(passed=bad == 0, metadata={"values that are NaN or infinite": bad})
