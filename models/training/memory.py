"""Memory of a training: freed memory is used again at once, and memory that is full is told in one line.

A step allocates and frees the same large tensors as the step before. The C library of Linux returns blocks above 32 MB
to the system when they are freed; the next step gets new ones, whose pages the system must clear one by one. On CPUs
that takes up to half of the time of convolutions with few channels and many samples, such as those of a codec.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.errors import PermanentError, full_memory, is_memory_full
from models.training.checkpoint import Rolling
from models.training.config import FitConfig

_LARGEST = 256 * 2**20  # bytes of a block that is kept; larger ones go back to the system
_UNUSED = 512 * 2**20  # bytes at the end of the heap that are kept
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


def keep_freed_memory() -> bool:
    """Have the C library keep freed blocks of up to 256 MB, and at most 512 MB at the end of the heap.

    What is computed stays the same to the bit; the peak of memory grows by a few per cent. It holds until the process
    ends. Returns whether the C library is glibc, which can; with others, nothing changes.

    Example:
        >>> keep_freed_memory()
        True
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST)) and bool(mallopt(_TRIM_THRESHOLD, _UNUSED))


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
