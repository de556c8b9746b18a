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

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h
_KEPT = (256 * 2**20, 128 * 2**20)  # bytes at the end of the heap, and of a block, that are kept in a training
_USUAL = (64 * 2**20, 32 * 2**20)  # the same elsewhere: as far as glibc goes by itself


@contextmanager
def freed_memory_kept() -> Iterator[bool]:
    """Context manager in which freed blocks of up to 128 MB are kept for what follows, 256 MB at the end of the heap.

    What is computed stays the same to the bit. Afterwards, all that is free goes back to the system. Gives whether the
    C library is glibc, which can; with others, nothing changes.

    Example:
        >>> with freed_memory_kept():
        ...     train()
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield False
        return
    _set(library, _KEPT)
    try:
        yield True
    finally:
        _set(library, _USUAL)
        library.malloc_trim(0)


def _set(library: ctypes.CDLL, sizes: tuple[int, int]) -> None:
    for name, size in zip((_TRIM_THRESHOLD, _MMAP_THRESHOLD), sizes, strict=True):
        library.mallopt(name, size)


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
