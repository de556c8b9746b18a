"""Seeds of random draws: a pure function of what they are for."""

import hashlib


def hash_seed(*numbers: int) -> int:
    """Return a 63-bit seed that differs for every tuple of numbers, the same on every machine."""
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
