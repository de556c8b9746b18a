"""The processes that descend from a process, as /proc tells."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def tree(root: int) -> Iterator[int]:
    """Yield the ids of a process and of all that descend from it; what ends meanwhile is left out."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        with suppress(OSError):  # it has just ended
            for child in task.read_text().split():
                yield from tree(int(child))
