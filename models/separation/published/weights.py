"""Weights that others published: read from a file, checked, and put into a network.

safetensors, and for the networks that are published so (`.pt`, `.pth`) torch's own format, of which only tensors
are read: nothing in the file is run. The SHA-256 tells that it is the file meant; names and shapes tell that it
fits. Where the files come from and under which licences: this folder's README.
"""

from collections.abc import Collection
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from data.errors import InputError
from data.files.durable import file_sha256


def load_weights(network: nn.Module, path: Path, sha256: str | None = None, unused: Collection[str] = ()) -> None:
    """Put the weights of the file `path` into `network`.

    Args:
        network: has the names and shapes of the file.
        path: `.safetensors`, or torch's own format.
        sha256: of the file, hexadecimal; None is not checked.
        unused: names that the file may hold and the network does not need.

    Raises:
        InputError: the file is missing, damaged, another than expected or of another network.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; put the published weights there (models/separation/README.md)")
    if sha256 is not None and (found := file_sha256(path)) != sha256:
        raise InputError(f"{path}: its SHA-256 is {found}, expected {sha256}; fetch the file again")
    state = _read(path)
    try:
        network.load_state_dict({name: one for name, one in state.items() if name not in unused})
    except RuntimeError as error:
        told = " ".join(str(error).split())
        raise InputError(f"{path}: weights of another network ({told:.300}); fetch those that are meant") from error


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a file by name.

    Raises:
        InputError: it cannot be read, or holds anything else.
    """
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        # weights_only makes tensors and nothing else; every other object in the file is an error.
        state = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251
    except Exception as error:  # the two readers fail in a dozen ways, all of them the file's fault
        told = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as weights ({told:.200}); fetch the file again") from error
    if not isinstance(state, dict) or not all(isinstance(one, Tensor) for one in state.values()):
        raise InputError(f"{path}: holds more than weights by name; save the state dict alone")
    return state
