"""The champion: the separation system in use, replaced when a better one is found on the validation songs.

The contestants are the discriminative network, its estimates refined, latent diffusion, and the published separators
that TESSITURA_SEPARATORS names. The test songs are for the report.
"""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from assets.champion import RECORD, Challenger, copy_model, decide, write_record
from assets.declaration import FORMER, Decision, Shown, Summary, Work, stored_asset
from assets.display import table
from assets.environment import Configuration
from assets.judging import identity, voice_judge
from assets.separation.stages import INDEX
from assets.store.versions import Version
from models.separation.config import Sampling
from models.separation.published.separators import identities

SCORES = "scores.parquet"
SAMPLED = ("diffusion", "refine")
MODELS = ("separation_codec", "separation_denoiser", "separation_mask_network", "separation_refiner")
_BESIDE = shutil.ignore_patterns("recipe.json", "run.json", "history.*")  # what is no part of a model
# The stages of a system that are copied, by the name of the subfolder. Published separators are not copied.
STAGES = {
    "masks": {"masks": "separation_mask_network"},
    "refine": {
        "codec": "separation_codec",
        "masks": "separation_mask_network",
        "refiner": "separation_refiner",
    },
    "diffusion": {"codec": "separation_codec", "denoiser": "separation_denoiser"},
}


def _config(run: Configuration) -> dict[str, Any]:
    """Return how latent diffusion and the refining system sample, and what identifies the published weights."""
    separation, published = run.separation, identities(run.environment.separators)
    return {"sampling": separation.sampling, "refining": separation.refining, "separators": published}


def sampling_of(system: str, config: Mapping[str, Any]) -> Sampling:
    """Return how a system samples: the refining one in its way, others as latent diffusion does."""
    return config["refining" if system == "refine" else "sampling"]


def _means(folder: Path) -> Shown:
    """Return a table for the web UI: the mean over the validation songs of the vocals' metrics."""
    from data.files.tables import read_frame
    from eval.separation.tables import name_of

    scores = read_frame(folder / SCORES)
    vocals = scores[scores["source"] == "vocals"]
    means = vocals.groupby(["system", "metric"])["value"].mean().unstack().rename(index=name_of)
    return {"means": table(means.reset_index())}


@stored_asset(
    config=lambda run: {**_config(run), "speaker_encoder": identity(run.environment.speaker_encoder)},
    files=(*INDEX, SCORES),
    kinds={"pytorch", "parquet"},
    trains=True,
    lineage=("separation_songs", *MODELS),
    experiments=False,
    show=_means,
)
def separation_validation(work: Work) -> Summary:
    """Vocals of the validation songs by every contestant, and their scores: what the champion is chosen by."""
    import torch

    from eval.separation.score import write_scores
    from models.separation.estimates import bounds, separating, write_estimates
    from models.separation.load import trained_diffusion, trained_mask_network, trained_refiner
    from models.separation.published.separator_networks import load_separators

    device, environment, execution = torch.device(work.execution.device), work.environment, work.execution
    songs, (codec, denoiser, masks, refiner) = work.inputs["separation_songs"], (work.inputs[one] for one in MODELS)
    separators = {
        "masks": trained_mask_network(masks, device),
        "refine": trained_refiner((codec, masks, refiner), work.config["refining"], device),
        "diffusion": trained_diffusion(codec, denoiser, work.config["sampling"], device),
        **load_separators(environment.separators, environment.downloads, device, execution.listener),
    }
    systems = {name: separating(one) for name, one in separators.items()}
    write_estimates(execution, songs, {"mixture": bounds()["mixture"], **systems}, "valid")
    return write_scores(execution, songs, execution.folder, voice_judge(environment))


def _challenger(inputs: Mapping[str, Any], former: Path | None, config: Mapping[str, Any]) -> Challenger:
    """Return the system that is best on the validation songs as challenger; `config` is that of `_config`."""
    from data.files.tables import read_frame
    from eval.separation.promotion import best_system, promotion_criteria

    scores = read_frame(inputs["separation_validation"] / SCORES)
    system = best_system(scores)
    found = promotion_criteria(scores, system, read_frame(former / SCORES) if former is not None else None)
    stages = [Version(inputs[name]) for name in STAGES.get(system, {}).values()]
    weights = [one.fingerprint[:16] for one in stages] or [config["separators"][system]]
    model = "-".join([system, *weights])
    if system in SAMPLED:  # the same networks sampled in another way are another system
        model += "-" + "-".join(map(str, astuple(sampling_of(system, config))))
    commit = stages[-1].record["provenance"]["commit"] if stages else "published"
    return Challenger(model, commit, found, former)


def _decide(run: Configuration, inputs: Mapping[str, Any], former: Path | None) -> Decision:
    """Decide whether the best system becomes the champion (`StoredAsset.decide`)."""
    return decide(_challenger(inputs, former, _config(run)))


@stored_asset(
    config=_config,
    files=[RECORD],
    kinds={"python"},
    lineage=(*MODELS, "separation_validation"),
    experiments=False,
    decide=_decide,
)
def separation_champion(work: Work) -> Summary:
    """The separation system in use: the one that was best on the validation songs, and better than its predecessor."""
    from data.files.tables import read_frame, write_frame
    from eval.separation.promotion import best_system

    folder, inputs = work.execution.folder, work.inputs
    scores = read_frame(inputs["separation_validation"] / SCORES)
    system = best_system(scores)
    for place, name in STAGES.get(system, {}).items():
        if name == "separation_codec":  # a published one has files of other names
            shutil.copytree(inputs[name], folder / place, ignore=_BESIDE, dirs_exist_ok=True)
        else:
            copy_model(inputs[name], folder / place)
    write_frame(folder / SCORES, scores[scores["system"] == system])
    described = {"system": system, "sampling": asdict(sampling_of(system, work.config))}
    return write_record(folder, _challenger(inputs, inputs[FORMER], work.config), described)
