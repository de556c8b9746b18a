"""Studies of the separation system: sampler steps, moving average, noise in the latents, cost."""

from pathlib import Path

from assets.declaration import Shown, Summary, Work, stored_asset
from assets.display import table

_STUDY = ("study.parquet",)


def _settings(folder: Path) -> Shown:
    """Return a table for the web UI: the median over excerpts of each metric for each setting."""
    from data.files.tables import read_frame
    from eval.separation.studies import METRICS

    study = read_frame(folder / "study.parquet")
    settings = [name for name in study.columns if name not in (*METRICS, "track", "start")]
    return {"medians": table(study.groupby(settings)[list(METRICS)].median().reset_index())}


@stored_asset(
    config=lambda run: {
        "frames": run.separation.chunk,
        "overlap": run.separation.overlap,
        "channels": run.separation.channels,
        "steps": run.separation.compared,
    },
    files=_STUDY,
    kinds={"pytorch"},
    trains=True,
    show=_settings,
)
def separation_steps_study(
    work: Work, separation_songs: Path, separation_codec: Path, separation_denoiser: Path
) -> Summary:
    """Study: excerpts of the test songs, separated with fewer and more DDIM steps and scored; and the speed of each."""
    import torch

    from data.files.durable import write_json
    from eval.separation.studies import write_study
    from models.separation.config import Sampling
    from models.separation.cost import real_time_factor
    from models.separation.load import load_codec, load_denoiser
    from models.separation.separate import diffusion_separator
    from models.separation.studies import write_steps

    device = torch.device(work.execution.device)
    samplings = {
        count: Sampling(count, work.config["frames"], work.config["overlap"]) for count in work.config["steps"]
    }
    network = (load_codec(separation_codec, device), *load_denoiser(separation_denoiser, device))
    made = write_steps(work.execution, separation_songs, network, samplings)
    factors = {
        count: real_time_factor(diffusion_separator(*network, one), work.config["channels"])[0]
        for count, one in samplings.items()
    }
    write_json(work.execution.folder / "speed.json", factors)
    return {**made, **write_study(work.execution, separation_songs)}


@stored_asset(config=lambda run: run.separation.sampling, files=_STUDY, kinds={"pytorch"}, trains=True, show=_settings)
def separation_average_study(
    work: Work, separation_songs: Path, separation_codec: Path, separation_denoiser: Path
) -> Summary:
    """Study: excerpts of the test songs, separated with the moving average of the denoiser's weights and without."""
    import torch

    from eval.separation.studies import write_study
    from models.separation.load import load_codec, load_denoiser
    from models.separation.studies import write_weights

    device = torch.device(work.execution.device)
    codec = load_codec(separation_codec, device)
    networks = {
        name: (codec, *load_denoiser(separation_denoiser, device, average=average))
        for name, average in (("moving average", True), ("last", False))
    }
    made = write_weights(work.execution, separation_songs, networks, work.config)
    return {**made, **write_study(work.execution, separation_songs)}


@stored_asset(files=_STUDY, kinds={"pytorch"}, show=_settings)
def separation_noise_study(work: Work, separation_songs: Path, separation_codec: Path) -> Summary:
    """Study: vocals and mixtures decoded from latents with added noise. It shows how exact the denoiser must be."""
    import torch

    from eval.separation.studies import write_study
    from models.separation.load import load_codec
    from models.separation.studies import write_noise

    codec = load_codec(separation_codec, torch.device(work.execution.device))
    made = write_noise(work.execution, separation_songs, codec)
    return {**made, **write_study(work.execution, separation_songs)}


@stored_asset(
    config=lambda run: {
        "sampling": run.separation.sampling,
        "refining": run.separation.refining,
        "channels": run.separation.channels,
        "device": run.environment.device,
    },
    files=["cost.json"],
    kinds={"pytorch"},
    trains=True,
)
def separation_cost(
    work: Work,
    separation_codec: Path,
    separation_denoiser: Path,
    separation_mask_network: Path,
    separation_refiner: Path,
) -> Summary:
    """Speed, time to the first output, memory and number of parameters of the systems, measured on this machine."""
    import torch

    from models.separation.cost import write_cost
    from models.separation.load import (
        load_codec,
        load_denoiser,
        load_mask_network,
        trained_diffusion,
        trained_mask_network,
        trained_refiner,
    )

    device = torch.device(work.execution.device)
    sampling = work.config["sampling"]
    separators = {
        "diffusion": trained_diffusion(separation_codec, separation_denoiser, sampling, device),
        "masks": trained_mask_network(separation_mask_network, device),
        "refine": trained_refiner(
            (separation_codec, separation_mask_network, separation_refiner), work.config["refining"], device
        ),
    }
    networks = {
        "codec": load_codec(separation_codec, device),
        "denoiser": load_denoiser(separation_denoiser, device)[0],
        "masks": load_mask_network(separation_mask_network, device),
        "refiner": load_denoiser(separation_refiner, device)[0],
    }
    return write_cost(work.execution, separators, networks, work.config["channels"])
