"""Checkpoints as plain data: tensors in safetensors, everything else in JSON. No pickle.

A checkpoint is `<name>.safetensors` and `<name>.json`; the JSON is written last and holds the
SHA-256 of the tensors, so a checkpoint counts only when both are whole. (safetensors itself
does not notice a flipped bit.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from data.errors import InputError
from data.files.durable import file_sha256, read_json, replacing_path, write_json
from models.training.processes import World

VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, on the CPU, and the plain metadata beside them."""

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def save(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write a checkpoint as `path`.safetensors and `path`.json, whole or not at all."""
    weights = path.with_suffix(".safetensors")
    with replacing_path(weights) as partial:
        # Contiguous copies: safetensors refuses views and tensors that share memory.
        safetensors.torch.save_file({name: one.detach().cpu().contiguous() for name, one in tensors.items()}, partial)
    write_json(path.with_suffix(".json"), {**metadata, "version": VERSION, "sha256": file_sha256(weights)})


def save_network(folder: Path, network: nn.Module, metadata: Mapping[str, Any], world: World) -> None:
    """Write the weights of a trained network as `folder`/model, once for all processes."""
    if world.leads:
        save(folder / "model", network.state_dict(), metadata)
    world.wait()


def load(path: Path) -> Checkpoint:
    """Read the checkpoint `path`.safetensors and `path`.json, verified.

    Raises:
        InputError: a file is missing, damaged or of another version; the message names it.
    """
    weights, described = path.with_suffix(".safetensors"), path.with_suffix(".json")
    for one in (described, weights):
        if not one.is_file():
            raise InputError(f"{one}: no such checkpoint; materialise the asset that makes it")
    try:
        metadata = read_json(described)
        if metadata["version"] != VERSION:
            raise InputError(f"{described}: checkpoint format {metadata['version']}, this program reads {VERSION}")
        if (found := file_sha256(weights)) != metadata["sha256"]:
            raise InputError(f"{weights}: SHA-256 {found} differs from the {metadata['sha256']} written; delete it")
        return Checkpoint(safetensors.torch.load_file(weights), metadata)
    except (ValueError, KeyError, SafetensorError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{described}: damaged checkpoint ({error}); delete it") from error


def count_not_finite(path: Path) -> int:
    """Return how many values of a checkpoint are NaN or infinite."""
    return sum(int((~one.isfinite()).sum()) for one in load(path).tensors.values())


class Rolling:
    """The last two checkpoints of a running training, named by step.

    A third pushes the oldest out; a damaged one is passed over for the one before it.
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self._folder, self._keep = folder, keep

    def _paths(self) -> list[Path]:
        """Return the checkpoints whose JSON exists, oldest first."""
        return sorted(path.with_suffix("") for path in self._folder.glob("step-*.json"))

    def save(self, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Write the checkpoint of `step`, then drop the oldest beyond those kept."""
        save(self._folder / f"step-{step:09d}", tensors, {**metadata, "step": step})
        for path in self._paths()[: -self._keep]:
            # The JSON first: without it the weights are no checkpoint any more.
            path.with_suffix(".json").unlink()
            path.with_suffix(".safetensors").unlink(missing_ok=True)

    def latest(self) -> Checkpoint | None:
        """Return the newest checkpoint that is whole, or None."""
        for path in reversed(self._paths()):
            try:
                return load(path)
            except InputError:
                continue
        return None

    def clear(self) -> None:
        """Delete all checkpoints."""
        for path in self._folder.glob("step-*"):
            path.unlink()
