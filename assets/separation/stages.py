"""The separation system in stages (songs, codec, latents, denoiser), and the discriminative network."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.audits import FINITE, apart, readable
from assets.declaration import Audit, Finding, Shown, Summary, Work, stored_asset
from assets.display import curves, table
from assets.environment import Configuration, Environment
from models.separation.presets import CONDITIONS
from models.separation.published.codecs import CODECS, PublishedCodec

if TYPE_CHECKING:
    from models.separation.config import CodecTraining

WEIGHTS = ("model.safetensors",)
INDEX = ("index.parquet",)
ABLATIONS = CONDITIONS[1:]  # ways to condition the denoiser on the mixture, without the main variant


def _apart(folder: Path, environment: Environment) -> Finding:
    """Check that no song, by name or by identical audio, is in two splits, and that train and test are not empty."""
    from data.musdb.leaks import songs_in_two_splits
    from data.shards.reader import Shards

    del environment
    rows = Shards(folder).table
    found = songs_in_two_splits(folder, rows)
    missing = sorted({"train", "test"} - set(rows["split"].to_pylist()))
    remedy = "remove the copies from the data"
    if missing and not found:
        remedy = "TESSITURA_MUSDB must name a folder or zip with usable songs in both train/ and test/"
    found += [f"no song of the split {split!r}" for split in missing]
    return apart(found, "training and test songs", remedy)


def _songs(folder: Path) -> Shown:
    """Return a table for the web UI: number of songs, minutes, and minutes with singing of each split."""
    from data.files.tables import read_frame

    index = read_frame(folder / "index.parquet")
    vocals = index[index["source"] == "vocals"]
    vocals = vocals.assign(minutes=vocals["frames"] / vocals["sample_rate"] / 60, sung=vocals["singing"].map(sum) / 60)
    counts = vocals.groupby("split").agg(songs=("track", "count"), minutes=("minutes", "sum"), sung=("sung", "sum"))
    return {"songs": table(counts.reset_index()), "dagster/row_count": dg.MetadataValue.int(len(index))}


@stored_asset(
    config=lambda run: run.separation.audio,
    files=INDEX,
    kinds={"parquet"},
    show=_songs,
    audits=(readable(100), Audit("no_song_in_two_splits", "No song, by name or by sound, is in two splits.", _apart)),
)
def separation_songs(work: Work, musdb_tracks: Path) -> Summary:
    """Vocals and accompaniment of every song, in the sample rate and number of channels of the system.

    The index says which seconds contain singing.
    """
    from data.musdb.tracks import group_folders
    from data.musdb.vocals import resample_songs

    resample_songs(work.execution, group_folders(musdb_tracks), work.config.sample_rate, work.config.channels)
    return {}


@stored_asset(
    config=lambda run: {"songs": run.separation.embedded, "audio": run.separation.audio}, files=INDEX, kinds={"parquet"}
)
def separation_embedded_songs(work: Work) -> Summary:
    """Vocals and accompaniment of songs made here, which the denoiser and the mask network are trained on first.

    Preset `demo`, whose songs are all made here, has none.
    """
    from data.embedded.training_songs import write_training_songs

    audio = work.config["audio"]
    return write_training_songs(work.execution, work.config["songs"], audio.sample_rate, audio.channels)


def _codec(run: Configuration) -> "CodecTraining | PublishedCodec":
    """Return the configuration of the codec: training of the project's own codec, or the published codec."""
    name = run.separation.published
    return CODECS[name] if name else run.separation.codec_training


@stored_asset(config=_codec, files=WEIGHTS, kinds={"pytorch"}, trains=True, show=curves)
def separation_codec(work: Work, separation_songs: Path) -> Summary:
    """A convolutional codec, trained to reconstruct vocals and mixtures from latent frames.

    If TESSITURA_CODEC names a published codec, that one is used instead.
    """
    from models.separation.published.hub import copy_published_codec
    from models.separation.train import train_codec

    if isinstance(work.config, PublishedCodec):
        copy_published_codec(work.config, work.environment.downloads, work.execution)
        return {"published": work.config.name}
    return work.train(train_codec, separation_songs, work.config)


def _unit_variance(folder: Path, environment: Environment) -> Finding:
    """Check that the smallest standard deviation of a latent channel is above 1/1000 of the largest.

    The latents are later divided by these deviations.
    """
    from data.files.checked_json import read_checked_json
    from models.separation.latents import SCALE

    del environment
    deviation = read_checked_json(folder / SCALE)["deviation"]
    smallest, largest = min(deviation), max(deviation)
    metadata = {"smallest deviation": smallest, "largest deviation": largest}
    return Finding(smallest > 1e-3 * largest, metadata, "a channel that hardly varies would be scaled up to noise")


@stored_asset(
    files=["scale.json"],
    kinds={"pytorch"},
    audits=(Audit("unit_variance", "Every latent channel varies.", _unit_variance),),
)
def separation_latent_scale(work: Work, separation_songs: Path, separation_codec: Path) -> Summary:
    """Mean and standard deviation of each latent channel over the training songs: the scale the denoiser works at."""
    import torch

    from models.separation.latents import measure_scale
    from models.separation.load import load_codec

    codec = load_codec(separation_codec, torch.device(work.execution.device))
    return measure_scale(work.execution, separation_songs, codec)


@stored_asset(
    config=lambda run: run.separation.denoiser_training,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=ABLATIONS,
    audits=(FINITE,),
    show=curves,
)
def separation_denoiser(
    work: Work,
    separation_songs: Path,
    separation_embedded_songs: Path,
    separation_codec: Path,
    separation_latent_scale: Path,
) -> Summary:
    """The denoiser: a U-Net, trained to remove noise from the latent of the vocals, given that of the mixture."""
    from models.separation.load import train_denoiser_on

    songs, codec = (separation_songs, separation_embedded_songs), (separation_codec, separation_latent_scale)
    return work.train(train_denoiser_on, songs, codec, None, work.config)


@stored_asset(
    config=lambda run: run.separation.mask_training, files=WEIGHTS, kinds={"pytorch"}, trains=True, show=curves
)
def separation_mask_network(work: Work, separation_songs: Path, separation_embedded_songs: Path) -> Summary:
    """The discriminative network: it estimates a mask on the mixture's spectrogram; trained on the same songs."""
    from models.separation.train import train_mask_network

    return work.train(train_mask_network, separation_songs, separation_embedded_songs, work.config)


@stored_asset(
    config=lambda run: run.separation.refiner_training,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    audits=(FINITE,),
    show=curves,
)
def separation_refiner(
    work: Work,
    separation_songs: Path,
    separation_codec: Path,
    separation_latent_scale: Path,
    separation_mask_network: Path,
) -> Summary:
    """The refining network, beyond the paper: a denoiser that is also given the mask network's estimate."""
    from models.separation.load import train_denoiser_on

    songs, codec = (separation_songs, None), (separation_codec, separation_latent_scale)
    return work.train(train_denoiser_on, songs, codec, separation_mask_network, work.config)
