"""Reads published weights from a file, checks them and loads them into a network.

`data.files.weights` reads the file, and of it only tensors, so no code in it is run. The SHA-256 verifies that it is
the expected file; names and shapes verify that it fits the network. Sources and licences of the files are in
models/separation/README.md.
"""

from collections.abc import Collection
from pathlib import Path

from torch import nn

from data.files.weights import fill, read_tensors


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
    state = read_tensors(path, sha256=sha256)
    fill(network, {name: one for name, one in state.items() if name not in unused}, path)
