"""Published codecs fetched, verified and loaded.

The networks are those of the package transformers (the extra `pretrained`), imported when one is made; what is
read are its config.json and model.safetensors, from a local folder and nowhere else.
"""

import shutil
from pathlib import Path
from typing import Any

import torch

from data.errors import InputError
from data.execution import Execution
from data.files.download import Remote, fetch
from data.files.durable import read_json, replacing_path, write_json
from data.progress import Listener, ignore
from models.separation.published.codec_networks import PretrainedCodec, as_codec
from models.separation.published.codecs import CODECS, PublishedCodec
from models.separation.published.weights import load_weights

HUB = "https://huggingface.co"
_CONFIG, _WEIGHTS, _NAME = "config.json", "model.safetensors", "published.json"


def fetch_pretrained(published: PublishedCodec, folder: Path, *, hub: str = HUB, listener: Listener = ignore) -> Path:
    """Download a published network to `folder`, resumed where it stopped, and return the folder.

    Args:
        published: one of `codecs.CODECS`.
        folder: gets config.json and model.safetensors.
        hub: where repositories lie.
        listener: is told bytes, rate and time left.

    Raises:
        DownloadError: unreachable, or another file than expected.
    """
    place = f"{hub}/{published.repository}/resolve/{published.revision}"
    fetch(Remote(f"{place}/{_CONFIG}", magic=b"{"), folder / _CONFIG, listener=listener)
    fetch(Remote(f"{place}/{_WEIGHTS}", sha256=published.sha256), folder / _WEIGHTS, listener=listener)
    return folder


def copy_published_codec(codec: PublishedCodec, downloads: Path, execution: Execution) -> None:
    """Put a published codec into the folder: from `downloads`/NAME, where it is downloaded to if it is not there.

    Raises:
        DownloadError: unreachable, or another file than expected.
    """
    fetched = fetch_pretrained(codec, downloads / codec.name, listener=execution.listener)
    for one in (_CONFIG, _WEIGHTS):
        with replacing_path(execution.folder / one) as partial:
            shutil.copyfile(fetched / one, partial)
    write_json(execution.folder / _NAME, {"name": codec.name})


def is_published(folder: Path) -> bool:
    """Tell whether `copy_published_codec` has filled `folder`."""
    return (folder / _NAME).is_file()


def load_published(folder: Path, device: torch.device) -> PretrainedCodec:
    """Return the codec that `copy_published_codec` put into `folder`, frozen."""
    return load_pretrained(CODECS[read_json(folder / _NAME)["name"]], folder, device)


def load_pretrained(published: PublishedCodec, folder: Path, device: torch.device) -> PretrainedCodec:
    """Return the published network in `folder` as a codec, frozen.

    Args:
        published: what the folder must hold, one of `codecs.CODECS`.
        folder: with config.json and model.safetensors, as transformers saves them.
        device: to compute on.

    Raises:
        InputError: the package transformers is missing; a file is missing, damaged or another than expected.
    """
    described = folder / _CONFIG
    network = _build(described)
    if (rate := network.config.sampling_rate) != published.sample_rate:
        raise InputError(
            f"{described}: {rate} Hz, {published.sample_rate} expected; take it from revision {published.revision}"
        )
    load_weights(network, folder / _WEIGHTS, published.sha256)
    return as_codec(network).to(device).eval().requires_grad_(False)


def _build(described: Path) -> Any:
    """Return the network of a config.json, with random weights.

    Raises:
        InputError: the package transformers is missing, or the file is, or is none of a codec known here.
    """
    try:
        from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel  # noqa: PLC0415 (slow and optional)
    except ImportError as error:
        raise InputError(
            f"{described}: published codecs need the package transformers; install the extra `pretrained`"
        ) from error
    try:
        told = read_json(described)
        kind = told["model_type"]
    except FileNotFoundError as error:
        raise InputError(f"{described}: no such file; put the published network there") from error
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{described}: no description of a network ({error}); fetch the file again") from error
    if kind == "encodec":
        return EncodecModel(EncodecConfig.from_dict(told))
    if kind == "dac" and any(ratio % 2 for ratio in told.get("downsampling_ratios", ())):
        raise InputError(f"{described}: a DAC with an odd ratio, whose decoder loses samples; take dac_44khz")
    if kind == "dac":
        return DacModel(DacConfig.from_dict(told))
    raise InputError(f"{described}: a network of the kind {kind!r}; codecs known here are encodec and dac")
