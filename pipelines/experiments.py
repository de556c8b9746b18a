"""Lists the experiments of a preset, compares their scores with those in use, and forgets experiments."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from assets.environment import Configuration
from assets.store.pointers import Slot, find, get, read_pointer, version_folder
from assets.store.record import RUN
from assets.store.retention import Garbage, collect
from assets.store.versions import RECIPE, Version, read_recipe
from data.errors import InputError
from data.files.names import is_id
from pipelines.definitions import make_graph
from pipelines.jobs import SYSTEMS
from pipelines.settings import Settings


def list_experiments(settings: Settings) -> list[dict[str, Any]]:
    """Return a dictionary for each experiment of the preset that has scores.

    Returns:
        "name"; "system"; "overrides", new values by dotted path; "compared", lines of text that compare its scores with
        those of the system in use.

    Example:
        >>> [one["name"] for one in list_experiments(Settings.read())]
        ['longer']
    """
    graph, found, shared = make_graph(settings), [], settings.shared_store()
    if shared is not None:
        shared.pointers.mirror(settings.preset)
    for system in SYSTEMS:
        asset = graph.registry.assets[f"{system}_scores"]
        slot = asset.slot(Configuration(graph.environment))
        for pointer in sorted(slot.home.glob("experiments/*/main")):
            if shared is not None:
                shared.pointed(replace(slot, experiment=pointer.parent.name))
            key = read_pointer(pointer)
            if key is None or not (version_folder(slot.home, key) / RUN).is_file():
                continue
            name = pointer.parent.name
            found.append(
                {
                    "name": name,
                    "system": system,
                    "overrides": _overrides(slot, name),
                    "compared": _compared(system, slot, name),
                }
            )
    return found


def _overrides(slot: Slot, name: str) -> dict[str, Any]:
    """Return the overrides of an experiment, as recorded in a version that was made for it; {} if there is none."""
    for home in sorted(path.parent.parent.parent for path in slot.home.parent.glob(f"*/experiments/{name}/main")):
        key = read_pointer(home / "experiments" / name / "main")
        if key is None or not (version_folder(home, key) / RUN).is_file():
            continue
        with suppress(InputError):  # it is damaged
            record = Version(version_folder(home, key)).record
            if record["experiment"] == name:
                return record["overrides"]
    return {}


def _compared(system: str, slot: Slot, name: str) -> list[str]:
    """Return lines of text that compare the scores of an experiment with those in use, or say what is damaged.

    Args:
        system: name of the system.
        slot: slot of the scores in use.
        name: name of the experiment.
    """
    try:
        scores, in_use = get(replace(slot, experiment=name)), find(slot)
    except InputError as error:
        return [str(error)]
    if in_use is None or in_use == scores:
        return ["nothing to compare with: nothing else is in use"]
    compare: dict[str, Callable[[Path, Path], list[str]]] = {
        "synthesis": _notes,
        "separation": _songs,
        "conversion": _voices,
    }
    return compare[system](scores, in_use)


def _notes(experiment: Path, in_use: Path) -> list[str]:
    """Return one line for each metric of SING: paired difference, p value, and share of notes that are better."""
    from data.files.tables import read_frame
    from eval.synthesis.tables import in_use_table

    table = in_use_table(*(read_frame(one / "scores.parquet") for one in (experiment, in_use)))
    return [f"{metric}: {difference}, p {p}, better on {better} of {count} notes"
            for metric, count, difference, p, better in table.rows]  # fmt: skip


def _songs(experiment: Path, in_use: Path) -> list[str]:
    """Return one line for each of three metrics of latent diffusion: both medians over songs."""
    import pandas as pd

    from data.files.tables import read_frame
    from eval.separation.tables import MAIN, by_track, medians

    frames = []
    for name, folder in (("experiment", experiment), ("in use", in_use)):
        scores = read_frame(folder / "scores.parquet")
        frames.append(scores[scores["system"] == MAIN].assign(system=name))
    found = medians(by_track(pd.concat(frames, ignore_index=True)))
    return [
        f"median {metric}: {found['experiment'][metric].median:.3f} (in use: {found['in use'][metric].median:.3f})"
        for metric in ("uSDR", "SI-SDR", "specific loudness error")
    ]


def _voices(experiment: Path, in_use: Path) -> list[str]:
    """Return one line for each of three measures of converted voices: both means over test clips."""
    from data.files.tables import read_frame
    from eval.conversion.systems import MAIN

    means = []
    for folder in (experiment, in_use):
        scores = read_frame(folder / "scores.parquet")
        means.append(scores[(scores["system"] == MAIN) & (scores["split"] == "test")].mean(numeric_only=True))
    return [
        f"mean {name}: {means[0][measure]:.3f} (in use: {means[1][measure]:.3f})"
        for name, measure in (
            ("key-free F0RMSE in cents", "f0_rmse_cents_keyfree"),
            ("F0CORR", "f0_corr"),
            ("similarity to the target", "speaker_target"),
        )
    ]


def forget_experiment(settings: Settings, name: str) -> int:
    """Delete the pointers of an experiment and its unfinished versions; `tessitura gc` can then delete the others.

    Returns:
        The number of assets that had a version in the experiment, finished or not.

    Raises:
        InputError: there is no experiment of this name with this preset, or it is being made.
    """
    root, shared = settings.store_folder / settings.preset, settings.shared_store()
    if shared is not None:
        shared.pointers.mirror(settings.preset)
    pointers = sorted(root.glob(f"*/experiments/{name}")) if is_id(name) else []
    unfinished = [folder for folder in sorted(root.glob("*/versions/*")) if _is_unfinished(folder, name)]
    if not pointers and not unfinished:
        raise InputError(f"no experiment {name!r} with preset {settings.preset}")
    for folder in unfinished:
        if not collect(settings.store_folder, Garbage(folder, "", 0, in_use=False)):
            raise InputError(f"{folder}: experiment {name!r} is being made; stop it first")
    for folder in pointers:
        shutil.rmtree(folder)
    if shared is not None:
        shared.pointers.forget(settings.preset, name)
    return len({folder.parent.parent for folder in (*pointers, *unfinished)})


def _is_unfinished(folder: Path, experiment: str) -> bool:
    """Return whether a folder is an unfinished version that was begun for an experiment."""
    if (folder / RUN).is_file() or not (folder / RECIPE).is_file():
        return False
    try:
        return read_recipe(folder).get("experiment") == experiment
    except InputError:
        return False
