"""Lists the files below a folder, following links."""

import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder` as it names them, sorted within each folder; hidden ones are left out.

    Links to files and to folders are followed. A folder that is reached a second time, also by a link to a folder
    above it, is not read again, so that loops end and no file is found twice.

    Example:
        >>> names = [path.name for path in files_below(Path("voices"))]
    """
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        found = here.stat()
        if (found.st_dev, found.st_ino) in seen:
            continue
        seen.add((found.st_dev, found.st_ino))
        entries = sorted((one for one in os.scandir(here) if not one.name.startswith(".")), key=lambda one: one.name)
        yield from (here / one.name for one in entries if one.is_file())
        waiting += [here / one.name for one in reversed(entries) if one.is_dir()]
