"""Evaluation of the separation systems: their estimates for the test songs, scores, quality checks."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assets.declaration import Shown, Summary, Work, stored_asset
from assets.display import figure, table
from assets.environment import Configuration, Environment
from assets.judging import identity, voice_judge
from assets.quality import Quality, gather
from assets.separation.stages import ABLATIONS, INDEX
from models.separation.config import Thresholds
from models.separation.presets import PRESETS
from models.separation.published.separators import identities

if TYPE_CHECKING:
    from eval.acceptance import Criterion
    from eval.separation.acceptance import Bounds

_SCORES = ("scores.parquet", "seconds.parquet")


@stored_asset(
    config=lambda run: {
        "separators": identities(run.environment.separators),
        "refining": run.separation.refining,
    },
    files=INDEX,
    kinds={"pytorch"},
    trains=True,
)
def separation_baseline_vocals(
    work: Work, separation_songs: Path, separation_codec: Path, separation_mask_network: Path, separation_refiner: Path
) -> Summary:
    """Vocals of the test songs by the mixture, ideal masks, the codec's ceiling, the mask network, and that refined.

    Published separators are added if TESSITURA_SEPARATORS names any.
    """
    import torch

    from models.separation.estimates import bounds, separating, write_estimates
    from models.separation.load import load_codec, trained_mask_network, trained_refiner
    from models.separation.published.separator_networks import load_separators
    from models.separation.separate import codec_ceiling

    device, environment = torch.device(work.execution.device), work.environment
    networks = (separation_codec, separation_mask_network, separation_refiner)
    published = load_separators(environment.separators, environment.downloads, device, work.execution.listener)
    systems = {
        **bounds(),
        "codec_ceiling": separating(codec_ceiling(load_codec(separation_codec, device)), hears_vocals=True),
        "masks": separating(trained_mask_network(separation_mask_network, device)),
        "refine": separating(trained_refiner(networks, work.config["refining"], device)),
        **{name: separating(one) for name, one in published.items()},
    }
    return write_estimates(work.execution, separation_songs, systems)


@stored_asset(
    config=lambda run: run.separation.sampling, files=INDEX, kinds={"pytorch"}, trains=True, variants=ABLATIONS
)
def separation_vocals(work: Work, separation_songs: Path, separation_codec: Path, separation_denoiser: Path) -> Summary:
    """Vocals of the test songs, estimated by latent diffusion."""
    import torch

    from models.separation.estimates import separating, write_estimates
    from models.separation.load import trained_diffusion

    device = torch.device(work.execution.device)
    diffusion = separating(trained_diffusion(separation_codec, separation_denoiser, work.config, device))
    return write_estimates(work.execution, separation_songs, {"diffusion": diffusion})


def _medians(folder: Path) -> Shown:
    """Return the medians over songs of the vocals' metrics: all as a table, three as numbers that the web UI plots."""
    from data.files.tables import read_frame
    from eval.separation.tables import name_of

    scores = read_frame(folder / "scores.parquet")
    vocals = scores[scores["source"] == "vocals"]
    medians = vocals.groupby(["system", "metric"])["value"].median().unstack().rename(index=name_of)
    plotted = {
        f"{metric}, {system}": figure(float(value))
        for (system, metric), value in medians[["uSDR", "SI-SDR", "cSIR"]].stack().items()
    }
    return {"medians of the vocals": table(medians.reset_index()), **plotted}


def _judging(run: Configuration) -> dict[str, str]:
    """Return the file of the speaker encoder that judges, by its content."""
    return {"speaker_encoder": identity(run.environment.speaker_encoder)}


@stored_asset(config=_judging, files=_SCORES, kinds={"parquet"}, show=_medians)
def separation_baseline_scores(work: Work, separation_songs: Path, separation_baseline_vocals: Path) -> Summary:
    """Scores of the bounds and baselines: every metric of each song, and BSS Eval of each second."""
    return _score(work, separation_songs, separation_baseline_vocals)


@stored_asset(config=_judging, files=_SCORES, kinds={"parquet"}, variants=ABLATIONS, show=_medians)
def separation_scores(work: Work, separation_songs: Path, separation_vocals: Path) -> Summary:
    """Scores of latent diffusion: every metric of each song, and BSS Eval of each second."""
    return _score(work, separation_songs, separation_vocals)


def _score(work: Work, songs: Path, estimates: Path) -> Summary:
    """Score estimated vocals against the songs, with a speaker encoder if TESSITURA_SPEAKER_ENCODER names one."""
    from eval.separation.score import write_scores

    return write_scores(work.execution, songs, estimates, voice_judge(work.environment))


def bounds(asked: Thresholds) -> "Bounds":
    """Return the bounds of the acceptance criteria for the thresholds of a configuration.

    Example:
        >>> bounds(PRESETS["demo"].thresholds).below_ceiling
        24.0
    """
    from eval.separation.acceptance import Bounds

    return Bounds(asked.mask_usdr, asked.below_ceiling)


def _criteria(folders: Mapping[str, Path], environment: Environment) -> "dict[str, Criterion]":
    """Return the results of the acceptance criteria with the thresholds of the preset."""
    from eval.separation.acceptance import acceptance_criteria

    return acceptance_criteria(gather(*folders.values()), bounds(PRESETS[environment.preset].thresholds))


QUALITY = Quality(
    ("separation_scores", "separation_baseline_scores"),
    _criteria,
    {
        "complete": "Both systems made something of every test song.",
        "masks_separate": "The discriminative network, the yardstick, separates.",
        "better_than_mixture": "Latent diffusion is closer to the vocals than the mixture is.",
        "near_codec_ceiling": "Latent diffusion uses what its codec can tell.",
        "refining_helps": "Refined estimates are no worse than the masks in uSDR, and sound nearer to the vocals.",
    },
)
