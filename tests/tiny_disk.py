"""A disk of 2 MB in memory (tmpfs) that can be filled until a given number of bytes is left."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 4096  # bytes, in which a tmpfs counts
_BALLAST = "ballast"


class Disk:
    """A small disk.

    Attributes:
        root: folder of the disk; what is written into it is on the disk.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def free(self) -> int:
        """Return how many bytes can still be written."""
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    @contextmanager
    def full(self, left: int) -> Iterator[None]:
        """Context manager: all but `left` bytes of the disk are taken, by a file beside what is tested."""
        ballast = self.root / _BALLAST
        with open(ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, self.free() - left))
        try:
            yield
        finally:
            ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int = 2) -> Iterator[Disk | None]:
    """Context manager: mounts a small disk as `folder`; yields None where this user may not."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield Disk(folder) if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
