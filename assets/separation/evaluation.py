"""The separation systems judged: what each makes of the test songs, and the scores."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.checks import quality
from assets.materialize import OWNERS, STAGE, Shown, input_is_final, materialize, table
from assets.progress import progress_listener
from assets.separation.stages import CONDITIONS
from assets.setup import Run, Setup
from assets.store import Recipe, Store, fingerprint

if TYPE_CHECKING:
    import pandas as pd

    from eval.acceptance import Criterion

_INDEX = ("index.parquet",)
_SCORES = ("scores.parquet", "seconds.parquet")


@dg.asset(code_version="1", **STAGE)
def separation_baseline_vocals(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    separation_songs: Path,
    separation_codec: Path,
    separation_mask_network: Path,
) -> dg.MaterializeResult:
    """The test songs' vocals by bounds and baselines: the mixture, ideal masks, the codec's ceiling, learnt masks.

    And by published separators, where TESSITURA_SEPARATORS names some.
    """
    from models.separation.estimates import bounds, separating, write_estimates
    from models.separation.load import load_codec, trained_mask_network
    from models.separation.published.separator_networks import published_separator
    from models.separation.published.separators import locate_weights, parse_separators
    from models.separation.separate import codec_ceiling

    system, device = setup.separation(config), setup.torch_device()
    inputs = {
        "separation_songs": separation_songs,
        "separation_codec": separation_codec,
        "separation_mask_network": separation_mask_network,
    }
    with input_is_final():
        weights = locate_weights(parse_separators(setup.separators), Path(setup.downloads), progress_listener(context))

    def work(folder: Path) -> dict[str, int]:
        systems = {
            **bounds(),
            "codec_ceiling": separating(codec_ceiling(load_codec(separation_codec, device)), hears_vocals=True),
            "masks": separating(trained_mask_network(separation_mask_network, system, device)),
            **{name: separating(published_separator(name, file, device)) for name, (file, _) in weights.items()},
        }
        return write_estimates(folder, separation_songs, systems, listener=progress_listener(context))

    decisive = {"audio": system.audio, "separators": {name: sha256 for name, (_, sha256) in weights.items()}}
    return materialize(context, store, Recipe(decisive, inputs, _INDEX), work)


@dg.asset(partitions_def=CONDITIONS, code_version="1", **STAGE)
def separation_vocals(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    separation_songs: Path,
    separation_codec: Path,
    separation_denoiser: Path,
) -> dg.MaterializeResult:
    """The test songs' vocals by latent diffusion."""
    from models.separation.estimates import separating, write_estimates
    from models.separation.load import trained_diffusion

    system, device = setup.separation(config, context.partition_key), setup.torch_device()
    inputs = {
        "separation_songs": separation_songs,
        "separation_codec": separation_codec,
        "separation_denoiser": separation_denoiser,
    }

    def work(folder: Path) -> dict[str, int]:
        diffusion = separating(trained_diffusion(separation_codec, separation_denoiser, system, device))
        return write_estimates(folder, separation_songs, {"diffusion": diffusion}, listener=progress_listener(context))

    return materialize(context, store, Recipe(system.sampling, inputs, _INDEX), work)


@dg.asset(code_version="1", kinds={"parquet"}, owners=OWNERS)
def separation_baseline_scores(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    separation_songs: Path,
    separation_baseline_vocals: Path,
    separation_codec: Path,
    separation_latents: Path,
) -> dg.MaterializeResult:
    """Every metric of what bounds and baselines made: of each song, and of each second."""
    encoder = {"separation_codec": separation_codec, "separation_latents": separation_latents}
    made = {"separation_baseline_vocals": separation_baseline_vocals}
    return _judged(context, store, setup, {"separation_songs": separation_songs, **made, **encoder})


@dg.asset(partitions_def=CONDITIONS, code_version="1", kinds={"parquet"}, owners=OWNERS)
def separation_scores(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    separation_songs: Path,
    separation_vocals: Path,
    separation_codec: Path,
    separation_latents: Path,
) -> dg.MaterializeResult:
    """Every metric of what latent diffusion made: of each song, and of each second."""
    encoder = {"separation_codec": separation_codec, "separation_latents": separation_latents}
    return _judged(
        context, store, setup, {"separation_songs": separation_songs, "separation_vocals": separation_vocals, **encoder}
    )


def _judged(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, inputs: dict[str, Path]
) -> dg.MaterializeResult:
    """Score the estimates in the second of `inputs` against the songs in the first; the last two tell the encoder."""
    from eval.metrics.embedding import Embedding
    from eval.separation.score import write_scores
    from models.separation.load import latent_encoder

    songs, estimates, codec, latents = inputs.values()

    def work(folder: Path) -> dict[str, int]:
        rate, encode = latent_encoder(codec, latents, setup.torch_device())
        named = f"latent of the codec {fingerprint(codec)[:8]}, each channel at unit variance"
        return write_scores(folder, songs, estimates, progress_listener(context), Embedding(named, rate, encode))

    return materialize(context, store, Recipe({}, inputs, _SCORES), work, _medians)


def _medians(folder: Path) -> Shown:
    """Return the median over songs of every metric of the vocals, as a table and as numbers the UI plots."""
    import pandas as pd

    scores = pd.read_parquet(folder / "scores.parquet")
    vocals = scores[scores["source"] == "vocals"]
    medians = vocals.groupby(["system", "metric"])["value"].median().unstack()
    plotted = {
        f"{metric} {system}": dg.MetadataValue.float(float(value))
        for (system, metric), value in medians[["uSDR", "SI-SDR", "cSIR"]].stack().items()
    }
    return {"medians of the vocals": table(medians.reset_index()), **plotted}


def _verdicts(scores: "pd.DataFrame", setup: Setup) -> "dict[str, Criterion]":
    """Return what the preset asks of the systems, and whether the scores show it."""
    from eval.separation.acceptance import acceptance_criteria

    return acceptance_criteria(scores, setup.separation_bounds())


complete, masks_separate, better_than_mixture, near_codec_ceiling = quality(
    separation_scores,
    "separation_baseline_scores",
    _verdicts,
    {
        "complete": "Both systems made something of every test song.",
        "masks_separate": "The discriminative network, the yardstick, separates.",
        "better_than_mixture": "Latent diffusion is closer to the vocals than the mixture is.",
        "near_codec_ceiling": "Latent diffusion uses what its codec can tell.",
    },
)
