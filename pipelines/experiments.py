"""The experiments of a preset: what each overrides, and how its scores differ from those in use."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from assets.environment import Configuration
from assets.store.pointers import Slot, find, read_pointer, version_folder
from assets.store.versions import Version
from data.errors import InputError
from data.files.names import is_id
from pipelines.definitions import make_graph
from pipelines.jobs import SYSTEMS
from pipelines.settings import Settings


def list_experiments(settings: Settings) -> list[dict[str, Any]]:
    """Return a row for every experiment: name, system, overrides, and lines that compare it with what is in use."""
    graph, found = make_graph(settings), []
    for system in SYSTEMS:
        asset = graph.registry.assets[f"{system}_scores"]
        slot = asset.slot(Configuration(graph.environment))
        for pointer in sorted(slot.home.glob("experiments/*/main")):
            key = read_pointer(pointer)
            if key is None:
                continue
            mine, name = version_folder(slot.home, key), pointer.parent.name
            found.append(
                {
                    "name": name,
                    "system": system,
                    "overrides": _overrides(slot, name),
                    "compared": _compared(system, mine, find(slot)),
                }
            )
    return found


def _overrides(slot: Slot, name: str) -> dict[str, Any]:
    """Return what an experiment overrides, as one of its own versions records it."""
    for home in sorted(path.parent.parent.parent for path in slot.home.parent.glob(f"*/experiments/{name}/main")):
        key = read_pointer(home / "experiments" / name / "main")
        if key is not None and (record := Version(version_folder(home, key)).record)["experiment"] == name:
            return record["overrides"]
    return {}


def _compared(system: str, mine: Path, in_use: Path | None) -> list[str]:
    """Return lines that say how an experiment differs from what is in use."""
    if in_use is None or in_use == mine:
        return ["nothing to compare with: nothing else is in use"]
    compare: dict[str, Callable[[Path, Path], list[str]]] = {"synthesis": _notes, "separation": _songs}
    return compare[system](mine, in_use)


def _notes(mine: Path, in_use: Path) -> list[str]:
    from data.files.tables import read_frame
    from eval.synthesis.tables import in_use_table

    table = in_use_table(*(read_frame(one / "scores.parquet") for one in (mine, in_use)))
    return [f"{metric}: {difference}, p {p}, better on {better} of {count} notes"
            for metric, count, difference, p, better in table.rows]  # fmt: skip


def _songs(mine: Path, in_use: Path) -> list[str]:
    import pandas as pd

    from data.files.tables import read_frame
    from eval.separation.tables import MAIN, by_track, medians

    frames = []
    for name, folder in (("experiment", mine), ("in use", in_use)):
        scores = read_frame(folder / "scores.parquet")
        frames.append(scores[scores["system"] == MAIN].assign(system=name))
    found = medians(by_track(pd.concat(frames, ignore_index=True)))
    return [
        f"median {metric}: {found['experiment'][metric].median:.3f} (in use: {found['in use'][metric].median:.3f})"
        for metric in ("uSDR", "SI-SDR", "MR-STFT")
    ]


def forget_experiment(settings: Settings, name: str) -> int:
    """Drop the pointers of an experiment, so that nothing keeps its versions; return how many assets it had.

    Raises:
        InputError: there is no such experiment.
    """
    root = settings.store / settings.preset
    folders = sorted(root.glob(f"*/experiments/{name}")) if is_id(name) else []
    if not folders:
        raise InputError(f"no experiment {name!r} with preset {settings.preset}")
    for folder in folders:
        shutil.rmtree(folder)
    return len(folders)
