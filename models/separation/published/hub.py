"""Copies published codecs from the hub, verifies and loads them.

The networks come from the package transformers (the extra `pretrained`), which is imported only when a network is
built. Loading reads config.json and model.safetensors from a local folder and never accesses the internet.
"""

import shutil
from pathlib import Path
from typing import Any

import torch

from data.errors import InputError
from data.execution import Execution
from data.files.checked_json import read_checked_json, write_checked_json
from data.files.durable import file_sha256, read_json, replacing_path
from data.files.hub import CONFIG, fetch_network
from models.separation.published.codec_networks import PretrainedCodec, as_codec
from models.separation.published.codecs import CODECS, WEIGHTS, PublishedCodec
from models.separation.published.weights import load_weights

_NAME = "published.json"


def copy_published_codec(codec: PublishedCodec, downloads: Path, execution: Execution) -> None:
    """Copy a published codec to the folder of an execution; `load_published` reads it there.

    Args:
        codec: codec to copy, one of `codecs.CODECS`.
        downloads: folder of downloads. The codec is in its subfolder NAME, or is downloaded to it.
        execution: the folder for the copy, and the listener that receives progress reports.

    Raises:
        DownloadError: the hub is unreachable, or a file is not the expected one.

    Example:
        >>> copy_published_codec(CODECS["dac_44khz"], Path("downloads"), Execution(Path("codec")))
    """
    fetched = fetch_network(codec.source, downloads / codec.name, listener=execution.listener)
    for one in (CONFIG, WEIGHTS):
        with replacing_path(execution.folder / one) as partial:
            shutil.copyfile(fetched / one, partial)
    described = {"name": codec.name, "config_sha256": file_sha256(execution.folder / CONFIG)}
    write_checked_json(execution.folder / _NAME, described)


def is_published(folder: Path) -> bool:
    """Return whether `folder` holds a codec that `copy_published_codec` copied."""
    return (folder / _NAME).is_file()


def load_published(folder: Path, device: torch.device) -> PretrainedCodec:
    """Load the codec that `copy_published_codec` copied to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the copy is damaged, and as `load_pretrained`.
    """
    described, config = read_checked_json(folder / _NAME), folder / CONFIG
    name, digest = described.get("name"), described.get("config_sha256")  # copies of earlier versions have no digest
    if name not in CODECS:
        raise InputError(f"{folder / _NAME}: no codec {name!r}; copies are of {', '.join(CODECS)}")
    if digest is not None and (not config.is_file() or file_sha256(config) != digest):
        raise InputError(f"{config}: its content is not what was written; materialise the codec again")
    return load_pretrained(CODECS[name], folder, device)


def load_pretrained(published: PublishedCodec, folder: Path, device: torch.device) -> PretrainedCodec:
    """Load a published codec from a local folder, in evaluation mode and without gradients.

    Args:
        published: the codec that the folder must hold, one of `codecs.CODECS`.
        folder: folder with config.json and model.safetensors, as transformers saves them.
        device: device to compute on.

    Raises:
        InputError: the package transformers is missing, or a file is missing, damaged or not the expected one.

    Example:
        >>> codec = load_pretrained(CODECS["dac_44khz"], Path("downloads/dac_44khz"), torch.device("cpu"))
    """
    described = folder / CONFIG
    network = _build(described)
    if (rate := network.config.sampling_rate) != published.sample_rate:
        raise InputError(
            f"{described}: {rate} Hz, {published.sample_rate} expected; take it from revision {published.revision}"
        )
    load_weights(network, folder / WEIGHTS, published.sha256)
    return as_codec(network).to(device).eval().requires_grad_(False)


def _build(described: Path) -> Any:
    """Build the network that a config.json describes, with random weights.

    Args:
        described: path of the config.json.

    Raises:
        InputError: the package transformers is missing, or the file is missing, damaged, or not of a supported codec.
    """
    try:
        from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel  # noqa: PLC0415 (slow and optional)
    except ImportError as error:
        raise InputError(
            f"{described}: published codecs need the package transformers; install the extra `pretrained`"
        ) from error
    try:
        settings = read_json(described)
        kind = settings["model_type"]
    except FileNotFoundError as error:
        raise InputError(f"{described}: no such file; put the published network there") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{described}: no description of a network ({error}); fetch the file again") from error
    if kind == "encodec":
        return EncodecModel(EncodecConfig.from_dict(settings))
    if kind == "dac" and any(ratio % 2 for ratio in settings.get("downsampling_ratios", ())):
        raise InputError(f"{described}: a DAC with an odd ratio, whose decoder loses samples; take dac_44khz")
    if kind == "dac":
        return DacModel(DacConfig.from_dict(settings))
    raise InputError(f"{described}: a network of the kind {kind!r}; codecs known here are encodec and dac")
