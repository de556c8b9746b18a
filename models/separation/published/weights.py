"""Reads published weights from a file, checks them and loads them into a network.

Two formats are read: safetensors, and torch's own format (`.pt`, `.pth`), of which only tensors are read, so no code
in the file is run. The SHA-256 verifies that it is the expected file; names and shapes verify that it fits the
network. Sources and licences of the files are in models/separation/README.md.
"""

from collections.abc import Collection
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from data.errors import InputError
from data.files.durable import file_sha256


def load_weights(network: nn.Module, path: Path, sha256: str | None = None, unused: Collection[str] = ()) -> None:
    """Load the weights in a file into a network.

    Args:
        network: network whose parameters and buffers have the names and shapes of those in the file.
        path: weights file, `.safetensors` or torch's own format.
        sha256: expected SHA-256 of the file, hexadecimal; None skips the check.
        unused: names of tensors that the file may hold and the network does not have.

    Raises:
        InputError: the file is missing, damaged, not the expected one, or of another network.

    Example:
        >>> load_weights(network, Path("model.safetensors"))
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; put the published weights there (models/separation/README.md)")
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        raise InputError(f"{path}: its SHA-256 is {found}, expected {sha256}; fetch the file again")
    state = _read(path)
    try:
        network.load_state_dict({name: one for name, one in state.items() if name not in unused})
    except RuntimeError as error:
        message = " ".join(str(error).split())
        raise InputError(f"{path}: weights of another network ({message:.300}); fetch those that are meant") from error


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a file by name.

    Raises:
        InputError: the file cannot be read, or holds anything else.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        # weights_only builds tensors and plain containers only; other objects in the file raise an error.
        state = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:  # the readers raise many types of errors, all caused by the file
        message = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as weights ({message:.200}); fetch the file again") from error
    if not isinstance(state, dict) or not all(isinstance(one, Tensor) for one in state.values()):
        raise InputError(f"{path}: holds more than weights by name; save the state dict alone")
    return state
