"""Derives the seeds of random draws from integers such as (seed, step, process)."""

import hashlib


def hash_seed(*numbers: int) -> int:
    """Return a 63-bit seed that depends only on `numbers` and their order, and is the same on every machine.

    Example:
        >>> hash_seed(1, 2, 3)
        2904650318439132554
    """
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
