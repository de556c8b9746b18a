"""Reads a checkpoint: tensors in safetensors, everything else in JSON.

A safetensors file is the length of its header (8 bytes, little endian), the header in JSON, and the values of all
tensors; the header gives dtype, shape and place of each.
"""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data.files.checked_json import read_checked_json

_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint: tensors by name, and the values of its JSON file."""

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def load(path: Path) -> Checkpoint:
    """Read `path`.safetensors and `path`.json.

    Raises:
        ValueError: a file is not what was written, or is missing; the message names it.
    """
    metadata = read_checked_json(path.with_suffix(".json"))
    content = bytearray(path.with_suffix(".safetensors").read_bytes())
    if hashlib.sha256(content).hexdigest() != metadata["sha256"]:
        raise ValueError(f"{path}.safetensors: its content is not what was written; copy it again")
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    return Checkpoint(
        {name: _tensor(content, start, one) for name, one in header.items() if name[:2] != "__"}, metadata
    )


def _tensor(content: bytearray, start: int, described: dict[str, Any]) -> Tensor:
    """Return the tensor that an entry of the header describes; values begin at `start`."""
    dtype, shape = _DTYPES[described["dtype"]], described["shape"]
    if not (count := math.prod(shape)):
        return torch.zeros(shape, dtype=dtype)
    place = start + described["data_offsets"][0]
    return torch.frombuffer(content, dtype=dtype, count=count, offset=place).clone().view(shape)
