"""Settings of one piece of work: output folder, listener, device, code version, threads and processes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from data.progress import Listener, ignore

TEMPORARY = "step-*"  # files that are needed only until the work is finished: checkpoints


def keep_here(folder: Path) -> None:
    """Do nothing with a checkpoint: it stays in its folder only."""


@dataclass(frozen=True)
class Execution:
    """Where and how a function that writes files does its work. Its other arguments say what the work is.

    Attributes:
        folder: output folder. Work that was stopped earlier is resumed from the files it left here.
        listener: callback that receives a `data.progress.Report` every few seconds.
        device: name of the torch device, such as "cpu" or "cuda".
        code_version: version of the code that does the work; "" if versions are not tracked. It is stored in
            checkpoints, and a checkpoint of another version is refused.
        earlier: folders of finished results of the same kind of work, newest first. Parts of them that would be
            identical if made now may be reused.
        loaders: threads that load training batches ahead; the batches do not depend on it.
        workers: processes that ingest or judge; shards and scores do not depend on it.
        trainers: processes that train one model together (`models.training.together`).
        saved: callback that is given the folder after each checkpoint, such as to copy it to where other machines find
            it. It returns when the folder may change again.

    Example:
        >>> train_autoencoder(Execution(Path("stage-1"), device="cuda"), notes, config.autoencoder_training)
    """

    folder: Path
    listener: Listener = ignore
    device: str = "cpu"
    code_version: str = ""
    earlier: tuple[Path, ...] = ()
    loaders: int = 1
    workers: int = 1
    trainers: int = 1
    saved: Callable[[Path], None] = keep_here

    def without_callbacks(self) -> "Execution":
        """Return the same without listener and `saved`, which cannot be sent to another process."""
        return replace(self, listener=ignore, saved=keep_here)
