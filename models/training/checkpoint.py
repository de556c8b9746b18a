"""Reads and writes checkpoints: tensors in safetensors, everything else in JSON, no pickle.

A checkpoint consists of `<name>.safetensors` and `<name>.json`. The JSON file is written last and holds the
SHA-256 of the safetensors file and its own, so a checkpoint loads only if both files are complete and unchanged.
(safetensors itself does not detect a flipped bit.) JSON files of earlier versions have no checksum of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor, nn

from data.errors import InputError
from data.files.checked_json import read_checked_json, write_checked_json
from data.files.durable import file_sha256, replacing_path
from models.training.processes import World

VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint.

    Attributes:
        tensors: tensors by name, on the CPU.
        metadata: values of the JSON file, with "version" (file format) and "sha256" (of the tensors).
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def save(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write a checkpoint as `path`.safetensors and `path`.json.

    Each file replaces an older one atomically. If the process is killed between the two files, the checkpoint
    does not load.

    Args:
        path: path of both files, without extension.
        tensors: tensors by name, on any device.
        metadata: values that JSON can hold; "version", "sha256" and "checksum" are added.

    Raises:
        ValueError: the metadata contain NaN or infinity.

    Example:
        >>> save(Path("run/model"), network.state_dict(), {"data": "demo"})
        >>> load(Path("run/model")).metadata["data"]
        'demo'
    """
    weights = path.with_suffix(".safetensors")
    with replacing_path(weights) as partial:
        # Contiguous: safetensors rejects non-contiguous views.
        safetensors.torch.save_file({name: one.detach().cpu().contiguous() for name, one in tensors.items()}, partial)
    write_checked_json(path.with_suffix(".json"), {**metadata, "version": VERSION, "sha256": file_sha256(weights)})


def save_network(folder: Path, network: nn.Module, metadata: Mapping[str, Any], world: World) -> None:
    """Write the weights of a trained network as the checkpoint `folder`/model.

    Only the leading process writes; all processes wait until the files are complete.

    Args:
        folder: folder of the checkpoint.
        network: trained network.
        metadata: values that JSON can hold, such as the sizes needed to build the network again.
        world: this process among those of the training.
    """
    if world.leads:
        save(folder / "model", network.state_dict(), metadata)
    world.wait()


def load(path: Path) -> Checkpoint:
    """Read the checkpoint `path`.safetensors and `path`.json, and verify the SHA-256 of both.

    Args:
        path: path of both files, without extension.

    Raises:
        InputError: a file is missing, damaged or of another format version; the message names the file.
    """
    weights, described = path.with_suffix(".safetensors"), path.with_suffix(".json")
    for one in (described, weights):
        if not one.is_file():
            raise InputError(f"{one}: no such checkpoint; materialise the asset that makes it")
    try:
        metadata = read_checked_json(described)
        if metadata["version"] != VERSION:
            raise InputError(f"{described}: checkpoint format {metadata['version']}, this program reads {VERSION}")
        if (found := file_sha256(weights)) != metadata["sha256"]:
            raise InputError(f"{weights}: SHA-256 {found} differs from the {metadata['sha256']} written; delete it")
        return Checkpoint(safetensors.torch.load_file(weights), metadata)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"{described}: damaged checkpoint ({error}); delete it") from error


def count_not_finite(path: Path) -> int:
    """Return the number of values in the checkpoint `path` (without extension) that are NaN or infinite.

    Raises:
        InputError: a file is missing, damaged or of another format version.
    """
    return sum(int((~one.isfinite()).sum()) for one in load(path).tensors.values())


class Rolling:
    """The newest checkpoints of a running training, named `step-<9 digits>`.

    Saving a checkpoint deletes the oldest one beyond `keep`. Two are kept by default: if the newest is damaged,
    the one before it is used.

    Args:
        folder: folder of the checkpoints.
        keep: number of checkpoints to keep.

    Example:
        >>> rolling = Rolling(Path("run"))
        >>> rolling.save(200, network.state_dict(), {"stage": "codec"})
        >>> rolling.latest().metadata["step"]
        200
    """

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self._folder, self._keep = folder, keep

    def _paths(self) -> list[Path]:
        """Return the checkpoints whose JSON exists, oldest first."""
        return sorted(path.with_suffix("") for path in self._folder.glob("step-*.json"))

    def save(self, step: int, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
        """Write the checkpoint of `step`, with "step" added to its metadata, then delete the oldest ones."""
        save(self._folder / f"step-{step:09d}", tensors, {**metadata, "step": step})
        for path in self._paths()[: -self._keep]:
            # The JSON file first: weights without it are not taken for a checkpoint.
            path.with_suffix(".json").unlink()
            path.with_suffix(".safetensors").unlink(missing_ok=True)

    def latest(self) -> Checkpoint | None:
        """Return the newest checkpoint that can be read, or None if there is none."""
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


def check_origin(folder: Path, metadata: Mapping[str, Any], now: dict[str, Any]) -> None:
    """Compare what a checkpoint of a training was made with to what the training has now.

    Args:
        folder: of the training.
        metadata: of the checkpoint.
        now: "stage", "code version" and the decisive configuration.

    Raises:
        InputError: they differ; the message has the difference.
    """
    then = {"stage": metadata["stage"], "code version": metadata["code_version"], **metadata["config"]}
    if changed := {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}:
        raise InputError(
            f"{folder}: its checkpoint belongs to another configuration or to other code "
            f"(then and now: {changed}); delete the folder to train anew"
        )
