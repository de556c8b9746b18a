"""Identifies the networks that judge converted voices, which the user names by file."""

from pathlib import Path


def identity(location: str) -> str:
    """Return a text that changes when a file, or the files of a folder, change: a hash of names, sizes and times.

    Args:
        location: file or folder; "" for none, which is its own identity.

    Example:
        >>> identity("")
        ''
    """
    import hashlib

    if not location:
        return ""
    place = Path(location).expanduser()
    files = [place] if place.is_file() else sorted(one for one in place.rglob("*") if one.is_file())
    told = [f"{one.name} {one.stat().st_size} {one.stat().st_mtime_ns}" for one in files]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
