"""Reads the tensors of a weights file that others published, and nothing else of it; loads them into networks.

Two formats are read: safetensors, and torch's own format (`.pt`, `.pth`), of which only tensors and plain containers
are read, so no code in the file is run.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from data.errors import InputError
from data.files.durable import file_sha256


def read_tensors(path: Path, entry: str | None = None, sha256: str | None = None) -> dict[str, Tensor]:
    """Return the tensors in a weights file by name.

    Args:
        path: weights file, `.safetensors` or torch's own format.
        entry: name of the entry of the file that holds the tensors, for files that hold more (such as "model_state");
            a file without it is taken to hold the tensors alone.
        sha256: expected SHA-256 of the file, hexadecimal; None skips the check.

    Raises:
        InputError: the file is missing, damaged or not the expected one, or holds anything else than tensors.

    Example:
        >>> read_tensors(Path("pretrained.pt"), entry="model_state")["linear.weight"].shape
        torch.Size([256, 256])
    """
    check_weights(path, sha256)
    state = _read(path)
    if entry is not None and isinstance(state, Mapping) and entry in state:
        state = state[entry]
    if not isinstance(state, Mapping) or not all(isinstance(one, Tensor) for one in state.values()):
        raise InputError(f"{path}: holds more than weights by name; save the state dict alone")
    return {str(name): one for name, one in state.items()}


def check_weights(path: Path, sha256: str | None = None) -> None:
    """Check that a weights file is there and is the expected one.

    Args:
        path: weights file in any format.
        sha256: expected SHA-256 of the file, hexadecimal; None skips the check.

    Raises:
        InputError: the file is missing or not the expected one.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; put the published weights there")
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        raise InputError(f"{path}: its SHA-256 is {found}, expected {sha256}; fetch the file again")


def fill(network: nn.Module, state: Mapping[str, Tensor], place: Path) -> None:
    """Load weights that were read from a file into a network.

    Args:
        network: network whose parameters and buffers have the names and shapes of the weights.
        state: weights by name.
        place: where they came from, for the error message.

    Raises:
        InputError: names or shapes do not fit.
    """
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        message = " ".join(str(error).split())
        raise InputError(f"{place}: weights of another network ({message:.300}); fetch those that are meant") from error


def _read(path: Path) -> Any:
    """Return what is in a file.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        # weights_only builds tensors and plain containers only; other objects in the file raise an error.
        return torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:  # the readers raise many types of errors, all caused by the file
        message = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as weights ({message:.200}); fetch the file again") from error
