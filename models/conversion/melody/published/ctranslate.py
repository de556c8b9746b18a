"""Reads the format of CTranslate2 (`model.bin`), in which Whisper's weights are published, and names them as others do.

The file is: uint32 version; from version 2 on a name (uint16 length, text) and uint32 revision; uint32 number of
variables; and for each variable its name, uint8 rank, uint32 sizes, uint8 type, uint32 bytes, and the values.
"""

import struct
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from data.files.weights import check_weights

_TYPES = ("<f4", "i1", "<i2", "<i4", "<f2")
_MOST_BYTES = 1 << 33  # of a variable: a damaged length is refused before memory is asked for
_LAYER = {
    "self_attention/layer_norm": "self_attn_layer_norm",
    "self_attention/linear_1": "self_attn.out_proj",
    "ffn/layer_norm": "final_layer_norm",
    "ffn/linear_0": "fc1",
    "ffn/linear_1": "fc2",
}
_ENDS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


def read_variables(path: Path, prefix: str = "") -> dict[str, np.ndarray]:
    """Return the variables of a CTranslate2 file by name, as they are stored.

    Args:
        path: the `model.bin`.
        prefix: only variables whose name begins with this.

    Raises:
        InputError: the file is missing, or not in this format.

    Example:
        >>> read_variables(Path("model.bin"), "encoder/conv1")["encoder/conv1/weight"].shape
        (512, 80, 3)
    """
    check_weights(path)
    found = {}
    try:
        with open(path, "rb") as file:
            (version,) = _unpack(file, "<I")
            if version >= 2:
                _text(file)
                _unpack(file, "<I")
            (count,) = _unpack(file, "<I")
            for _ in range(count):
                name = _text(file)
                (rank,) = _unpack(file, "<B")
                shape = _unpack(file, f"<{rank}I")
                kind, size = _unpack(file, "<BI")
                if size > _MOST_BYTES or kind >= len(_TYPES):
                    raise ValueError(f"variable {name!r} of type {kind} and {size} bytes")
                if name.startswith(prefix):
                    found[name] = np.frombuffer(_exactly(file, size), _TYPES[kind]).reshape(shape)
                else:
                    file.seek(size, 1)
    except (ValueError, struct.error) as error:
        raise InputError(f"{path}: not in CTranslate2's format ({error}); fetch the file again") from error
    return found


def whisper_encoder_weights(path: Path) -> dict[str, Tensor]:
    """Return the weights of Whisper's encoder in a CTranslate2 file, named as transformers names them, float32.

    Queries, keys and values, which CTranslate2 keeps in one matrix, are taken apart; keys have no bias in Whisper, so
    theirs must be zero.

    Raises:
        InputError: the file is missing, is not in the format, or holds no such encoder.
    """
    found: dict[str, Tensor] = {}
    for name, values in read_variables(path, "encoder/").items():
        if values.ndim == 0:
            continue  # settings, such as the number of heads
        tensor = torch.from_numpy(values.astype(np.float32))
        owner, _, end = name.removeprefix("encoder/").rpartition("/")
        if owner == "position_encodings":
            found["embed_positions.weight"] = tensor
        elif owner.startswith("layer_") and owner != "layer_norm":
            layer, _, part = owner.removeprefix("layer_").partition("/")
            if part == "self_attention/linear_0":
                found |= _attention(f"layers.{layer}.self_attn", end, tensor, path)
            elif part in _LAYER and end in _ENDS:
                found[f"layers.{layer}.{_LAYER[part]}.{_ENDS[end]}"] = tensor
            else:
                raise InputError(f"{path}: an unknown variable {name}; fetch the file again")
        else:
            found[f"{owner}.{_ENDS.get(end, end)}"] = tensor
    if not found:
        raise InputError(f"{path}: no encoder in it; fetch the file of a Whisper model")
    return found


def _attention(place: str, end: str, tensor: Tensor, path: Path) -> dict[str, Tensor]:
    """Return the weights or biases of queries, keys and values out of one tensor that holds all three."""
    parts = dict(zip(("q_proj", "k_proj", "v_proj"), tensor.chunk(3), strict=True))
    if end == "bias" and parts.pop("k_proj").abs().max() > 0:
        raise InputError(f"{path}: keys with a bias, which Whisper does not have; fetch the file again")
    return {f"{place}.{name}.{end}": one.clone() for name, one in parts.items()}


def _exactly(file: IO[bytes], size: int) -> bytes:
    """Return exactly `size` bytes."""
    content = file.read(size)
    if len(content) != size:
        raise ValueError("the file ends too early")
    return content


def _unpack(file: IO[bytes], form: str) -> tuple[int, ...]:
    """Return the numbers of a `struct` form."""
    return struct.unpack(form, _exactly(file, struct.calcsize(form)))


def _text(file: IO[bytes]) -> str:
    """Return a text that its length precedes."""
    (length,) = _unpack(file, "<H")
    return _exactly(file, length).rstrip(b"\0").decode()
