"""Lets a training use freed memory again at once, instead of asking the operating system for new memory each time.

A step allocates and frees the same large tensors as the step before. The C library of Linux returns blocks above 32 MB
to the system when they are freed; the next step gets new ones, whose pages the system must clear one by one. On CPUs
that takes up to half of the time of convolutions with few channels and many samples, such as those of a codec.
"""

import ctypes

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
