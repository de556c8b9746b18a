"""Refuses a run whose data do not fit the disk, before it starts."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from assets.graph import Graph
from data.errors import InputError
from pipelines.planning.disk import Need, missing

SPARE = 1e9  # bytes that are kept free: models, checkpoints, reports, Dagster's history


def free_bytes(folder: Path) -> int:
    """Return the free space, in bytes, of the disk that holds a folder, which need not exist yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_room(graph: Graph, systems: Iterable[str]) -> None:
    """Check that what the systems still have to write fits the disk of the store.

    An asset that has a version already counts for nothing, even if it will be made anew. Where a data set is not where
    the settings say, nothing is refused here: the run tells what is missing.

    Raises:
        InputError: it does not fit; the message names the folder, what is needed, what is free and the largest asset.

    Example:
        >>> check_room(make_graph(Settings.read()), ["synthesis"])
    """
    needed: dict[str, Need] = {one.asset: one for system in systems for one in missing(graph, system)}
    environment = graph.environment
    if not needed or any(map(_is_missing, (environment.nsynth, environment.musdb, environment.voices))):
        return
    folder = graph.environment.store
    size, free = sum(one.size for one in needed.values()) + SPARE, free_bytes(folder)
    if size > free:
        largest = max(needed.values(), key=lambda one: one.size)
        raise InputError(
            f"{folder}: the run needs about {gigabytes(size)} and {gigabytes(free)} are free; most is for "
            f"{largest.asset} ({gigabytes(largest.size)}: {largest.why}). Free space, or set TESSITURA_HOME to another "
            "disk"
        )


def _is_missing(setting: str) -> bool:
    """Return whether the setting of a data set is a path where nothing is."""
    return bool(setting) and "/" in setting and "://" not in setting and not Path(setting).expanduser().exists()


def gigabytes(size: float) -> str:
    """Return a number of bytes as text: "39.2 GB"."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e8 else f"{size / 1e6:,.1f} MB"
