"""Copies published encoders from the hub and verifies them.

A copy is a checkpoint as the project's own networks have, `model.safetensors` and `model.json`, so that one function
loads them all (`models.conversion.melody.load.load_encoder`), without internet.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from data.errors import InputError
from data.execution import Execution
from data.files.durable import read_json
from data.files.hub import CONFIG, fetch_network
from data.files.weights import check_weights, fill, read_tensors
from models.conversion.melody.published.ctranslate import read_variables, whisper_encoder_weights
from models.conversion.melody.published.encoders import PublishedEncoder
from models.conversion.melody.published.networks import build_published
from models.training.checkpoint import save

_PREFIXES = ("wavlm.", "hubert.", "model.encoder.", "encoder.")  # of networks that hold the encoder


def copy_published_encoder(published: PublishedEncoder, downloads: Path, execution: Execution) -> None:
    """Copy a published encoder to the folder of an execution; `load_encoder` reads it there.

    Args:
        published: encoder to copy, one of `encoders.ENCODERS`.
        downloads: folder of downloads. The encoder is in its subfolder NAME, or is downloaded to it.
        execution: the folder for the copy, and the listener that receives progress reports.

    Raises:
        DownloadError: the hub is unreachable, or a file is not the expected one.
        InputError: the package transformers is missing, or a file is damaged or of another network.

    Example:
        >>> copy_published_encoder(ENCODERS["whisper-base"], Path("downloads"), Execution(Path("encoder")))
    """
    folder = fetch_network(published.source, downloads / published.name, listener=execution.listener)
    copy_encoder(published, folder, execution)


def copy_encoder(published: PublishedEncoder, folder: Path, execution: Execution) -> None:
    """Copy an encoder from a local folder with config.json and weights; nothing is downloaded.

    Raises:
        InputError: the package transformers is missing, or a file is missing, damaged or not the expected one.
    """
    path = folder / published.weights
    check_weights(path, published.sha256)
    described = {
        "kind": published.kind,
        "name": published.name,
        "settings": encoder_settings(published, folder),
        "normalised": published.normalised,
    }
    encoder = build_published(described)
    state = read_weights(path)
    wanted = encoder.state_dict()
    named = {f"network.{name}": one for name, one in state.items() if f"network.{name}" in wanted}
    fill(encoder, named, path)
    tensors = {f"encoder.{name}": one for name, one in encoder.state_dict().items()}
    save(execution.folder / "model", tensors, {"encoder": described})


def encoder_settings(published: PublishedEncoder, folder: Path) -> dict[str, Any]:
    """Return the settings of an encoder as transformers names them.

    CTranslate2's config.json has none, so those of its Whisper networks are read off the weights.

    Raises:
        InputError: a file is missing or damaged.
    """
    if published.weights == "model.bin":
        return whisper_settings(folder / published.weights)
    try:
        return read_json(folder / CONFIG)
    except (FileNotFoundError, ValueError) as error:
        raise InputError(f"{folder / CONFIG}: no description of a network ({error}); fetch the file again") from error


def whisper_settings(path: Path) -> dict[str, Any]:
    """Return the settings of the Whisper encoder in a CTranslate2 file, read off its weights.

    Raises:
        InputError: the file is missing, is not in the format, or holds no such encoder.
    """
    shapes = read_variables(path, "encoder/")
    try:
        width, mels, _ = shapes["encoder/conv1/weight"].shape
        return {
            "d_model": width,
            "num_mel_bins": mels,
            "encoder_layers": len({name.split("/")[1] for name in shapes if re.match(r"encoder/layer_\d", name)}),
            "encoder_attention_heads": int(shapes["encoder/num_heads"]),
            "encoder_ffn_dim": shapes["encoder/layer_0/ffn/linear_0/weight"].shape[0],
            "max_source_positions": shapes["encoder/position_encodings/encodings"].shape[0],
        }
    except KeyError as error:
        raise InputError(f"{path}: no Whisper encoder in it ({error} is missing); fetch the file again") from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file by the names that transformers gives the encoder's.

    Args:
        path: CTranslate2's `model.bin`, safetensors, or torch's own format, of which only tensors are read.

    Raises:
        InputError: the file cannot be read, or holds anything else.
    """
    if path.name == "model.bin":
        return whisper_encoder_weights(path)
    return _renamed(read_tensors(path))


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights under the names of the encoder alone, and weight norms under today's names."""
    found = dict(state)
    for prefix in _PREFIXES:
        if any(name.startswith(f"{prefix}{part}") for name in found for part in ("feature_extractor.", "conv1.")):
            found = {name.removeprefix(prefix): one for name, one in found.items() if name.startswith(prefix)}
            break
    ends = {".weight_g": ".parametrizations.weight.original0", ".weight_v": ".parametrizations.weight.original1"}
    for old, new in ends.items():
        found = {(name.removesuffix(old) + new if name.endswith(old) else name): one for name, one in found.items()}
    return found
