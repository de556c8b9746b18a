"""The separation systems judged: what each makes of the test songs, and the scores."""

from pathlib import Path

import dagster as dg

from assets.materialize import OWNERS, RETRY, TRAINING, Shown, materialize, table
from assets.narrate import narrator
from assets.separation import CONDITIONS
from assets.setup import Run, Setup
from assets.store import Recipe, Store

_INDEX = ("index.parquet",)
_SCORES = ("scores.parquet", "seconds.parquet")


@dg.asset(code_version="1", kinds={"pytorch"}, owners=OWNERS, retry_policy=RETRY, pool=TRAINING)
def separation_baseline_vocals(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    musdb_songs: Path,
    separation_codec: Path,
    separation_masker: Path,
) -> dg.MaterializeResult:
    """The test songs' vocals by bounds and baselines: the mixture, ideal masks, the codec's ceiling, learnt masks."""
    from models.separation.outputs import bounds, separating, write_estimates
    from models.separation.separate import codec_ceiling
    from models.separation.trained import load_codec, trained_masker

    system, device = setup.separation(config), setup.torch_device()
    inputs = {
        "musdb_songs": musdb_songs,
        "separation_codec": separation_codec,
        "separation_masker": separation_masker,
    }

    def work(folder: Path) -> dict[str, int]:
        systems = {
            **bounds(),
            "codec_ceiling": separating(codec_ceiling(load_codec(separation_codec, device)), hears_vocals=True),
            "masker": separating(trained_masker(separation_masker, system, device)),
        }
        return write_estimates(folder, musdb_songs, systems, listener=narrator(context))

    return materialize(context, store, Recipe(system.audio, inputs, _INDEX), work)


@dg.asset(
    partitions_def=CONDITIONS, code_version="1", kinds={"pytorch"}, owners=OWNERS, retry_policy=RETRY, pool=TRAINING
)
def separation_vocals(
    context: dg.AssetExecutionContext,
    store: Store,
    setup: Setup,
    config: Run,
    musdb_songs: Path,
    separation_codec: Path,
    separation_denoiser: Path,
) -> dg.MaterializeResult:
    """The test songs' vocals by latent diffusion."""
    from models.separation.outputs import separating, write_estimates
    from models.separation.trained import trained_diffusion

    system, device = setup.separation(config, context.partition_key), setup.torch_device()
    inputs = {
        "musdb_songs": musdb_songs,
        "separation_codec": separation_codec,
        "separation_denoiser": separation_denoiser,
    }

    def work(folder: Path) -> dict[str, int]:
        diffusion = separating(trained_diffusion(separation_codec, separation_denoiser, system, device))
        return write_estimates(folder, musdb_songs, {"diffusion": diffusion}, listener=narrator(context))

    return materialize(context, store, Recipe(system.sampling, inputs, _INDEX), work)


@dg.asset(code_version="1", kinds={"parquet"}, owners=OWNERS)
def separation_baseline_scores(
    context: dg.AssetExecutionContext, store: Store, musdb_songs: Path, separation_baseline_vocals: Path
) -> dg.MaterializeResult:
    """Every metric of what bounds and baselines made: of each song, and of each second."""
    return _judged(
        context, store, {"musdb_songs": musdb_songs, "separation_baseline_vocals": separation_baseline_vocals}
    )


@dg.asset(partitions_def=CONDITIONS, code_version="1", kinds={"parquet"}, owners=OWNERS)
def separation_scores(
    context: dg.AssetExecutionContext, store: Store, musdb_songs: Path, separation_vocals: Path
) -> dg.MaterializeResult:
    """Every metric of what latent diffusion made: of each song, and of each second."""
    return _judged(context, store, {"musdb_songs": musdb_songs, "separation_vocals": separation_vocals})


def _judged(context: dg.AssetExecutionContext, store: Store, inputs: dict[str, Path]) -> dg.MaterializeResult:
    """Score what lies in the second of `inputs` against the songs in the first."""
    from eval.separation_score import write_scores

    return materialize(
        context,
        store,
        Recipe({}, inputs, _SCORES),
        lambda folder: write_scores(folder, *inputs.values(), narrator(context)),
        _medians,
    )


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


def _quality_check(name: str, meaning: str) -> dg.AssetChecksDefinition:
    """Return a check of the scores that asks one thing of the systems; a failed one warns and stops nothing."""

    @dg.asset_check(
        asset=separation_scores,
        additional_ins={"separation_baseline_scores": dg.AssetIn()},
        name=name,
        description=meaning,
        partitions_def=CONDITIONS,
    )
    def check(setup: Setup, separation_scores: Path, separation_baseline_scores: Path) -> dg.AssetCheckResult:
        import pandas as pd

        from eval.separation_verdict import verdicts

        folders = (separation_scores, separation_baseline_scores)
        scores = pd.concat([pd.read_parquet(one / "scores.parquet") for one in folders], ignore_index=True)
        found = verdicts(scores, setup.separation_bounds())[name]
        return dg.AssetCheckResult(
            passed=found.passed,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"found": found.found, "asked": found.bound},
            description=found.meaning if found.passed else f"{found.meaning}: {found.advice}",
        )

    return check


complete = _quality_check("complete", "Both systems made something of every test song.")
masker_separates = _quality_check("masker_separates", "The discriminative network, the yardstick, separates.")
better_than_mixture = _quality_check(
    "better_than_mixture", "Latent diffusion is closer to the vocals than the mixture is."
)
near_codec_ceiling = _quality_check("near_codec_ceiling", "Latent diffusion uses what its codec can tell.")
