"""Tells in one line that the memory was full in a training, with the settings that need less of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import PermanentError, full_memory, is_memory_full
from models.training.checkpoint import Rolling
from models.training.config import FitConfig


class MemoryFull(PermanentError):
    """The memory of the machine or of the GPU was full in a training. The message names the settings that need less."""


@contextmanager
def enough_memory(stage: str, config: FitConfig, folder: Path) -> Iterator[None]:
    """Context manager for a training: an error that says that no memory is left becomes a `MemoryFull`.

    The batch is not made smaller, since that would make another result. What was trained stays in the checkpoint.

    Args:
        stage: name of the training.
        config: its configuration.
        folder: folder of its checkpoints.

    Raises:
        MemoryFull: the memory was full.

    Example:
        >>> with enough_memory("autoencoder", config, Path("run")):
        ...     train()
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, PermanentError) or not is_memory_full(error):
            raise
        found = Rolling(folder).latest()
        place = "anew" if found is None else f"from step {found.metadata['step']}"
        raise MemoryFull(
            f"{stage}: {full_memory(error)} with batch_size {config.batch_size} in {config.accumulate} "
            f"part{'' if config.accumulate == 1 else 's'} (accumulate); end other programs, or set TESSITURA_LOADERS "
            f"or TESSITURA_TRAINING_PROCESSES lower, and the same command begins {place}; or make a new training that "
            "needs less, with a lower batch_size, a higher accumulate or a smaller TESSITURA_PRESET"
        ) from error
