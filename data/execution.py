"""One piece of work: the folder its files go to, who hears of its progress, what it is computed on."""

from dataclasses import dataclass
from pathlib import Path

from data.progress import Listener, ignore

TEMPORARY = "step-*"  # names of files that are only of use until the work is finished: checkpoints


@dataclass(frozen=True)
class Execution:
    """Where and how a function that makes files does its work. What the work is, its other arguments say.

    Example:
        >>> train_autoencoder(Execution(Path("stage-1"), device="cuda"), notes, config.autoencoder_training)

    Attributes:
        folder: where the files are written. What an earlier, stopped attempt left in it is continued.
        listener: is called with a `data.progress.Report` every few seconds.
        device: name of the torch device, such as "cpu" or "cuda".
        code_version: version of the code that does the work. Checkpoints carry it, and a checkpoint of
            another version is refused. "" where nobody keeps versions.
        earlier: folders of finished results of the same kind of work, newest first. Parts of them that
            are exactly what would be made now may be taken over.
    """

    folder: Path
    listener: Listener = ignore
    device: str = "cpu"
    code_version: str = ""
    earlier: tuple[Path, ...] = ()
