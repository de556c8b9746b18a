"""Finds evaluated versions of a system, and everything that they were made from.

A version of a system is a version of its scores, `SYSTEM_scores`, with all versions that these were made from. It is
named "in use", by the name of an experiment or of a variant, or by the key, or its first digits, of any version in the
store that belongs to it: a model, its scores, its data. Of several that belong to the key, the one that was scored last
is taken.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets.environment import Configuration
from assets.store.pointers import Slot, find, read_pointer
from assets.store.record import RUN, damage, read_record
from assets.store.versions import RECIPE
from data.errors import InputError
from data.files.names import is_id
from pipelines.definitions import make_graph
from pipelines.jobs import find_system
from pipelines.settings import Settings

IN_USE = "in use"
_KEY = re.compile(r"[0-9a-f]{4,16}")


@dataclass(frozen=True)
class Evaluated:
    """A version of a system that has scores.

    Attributes:
        name: what the user called it: "in use", the name of an experiment or of a variant, or a key.
        scores: folder of the version of its scores.
        made: folder of every version that the scores were made from and that is still in the store, by asset; the
            scores are among them.
    """

    name: str
    scores: Path
    made: Mapping[str, Path]

    def record(self, asset: str) -> dict[str, Any]:
        """Return the content of run.json of one of its assets."""
        return read_record(self.made[asset])


def evaluated(settings: Settings, system: str, names: Sequence[str] = ()) -> list[Evaluated]:
    """Return versions of a system, in the order of their names.

    Args:
        settings: the settings, which name the store and the preset.
        system: name of the system.
        names: "in use", names of experiments or variants, or keys of versions; none for the version in use, all
            experiments and all variants that were made.

    Raises:
        InputError: there is no such system or version, a key belongs to nothing that has scores, a version is damaged,
            or there are fewer than two different versions to compare; the message says what there is.

    Example:
        >>> [one.name for one in evaluated(Settings.read(), "synthesis", ["in use", "longer"])]
        ['in use', 'longer']
    """
    slot, variants = _slots(settings, system)
    named = {IN_USE: slot, **variants}
    for path in sorted(slot.home.glob("experiments/*/main")):
        if is_id(path.parent.name):
            named[path.parent.name] = replace(slot, experiment=path.parent.name)
    asked = list(dict.fromkeys(names)) or list(named)
    found = [_evaluated(slot, named, name) for name in asked]
    different = list({one.scores: one for one in reversed(found)}.values())[::-1]
    if len(different) < 2:
        there = ", ".join([*named, *(one.name for one in _scored(slot))])
        raise InputError(f"two different versions of {system} are needed to compare; there are {there}")
    return different


def unfinished(versions: Sequence[Evaluated], asset: str) -> list[Path]:
    """Return the folders of versions of an asset that are being made at present, or whose making was stopped.

    Args:
        versions: versions that were made from the asset.
        asset: name of the asset.
    """
    homes = {one.made[asset].parent for one in versions if asset in one.made}
    folders = (path.parent for home in homes for path in home.glob(f"*/{RECIPE}"))
    return sorted(one for one in folders if not (one / RUN).is_file())


def _slots(settings: Settings, system: str) -> tuple[Slot, dict[str, Slot]]:
    """Return the slot of the scores of a system, and those of the variants that were made, by name."""
    graph = make_graph(settings)
    asset = graph.registry.assets[f"{find_system(system).name}_scores"]
    variants = {name: asset.slot(Configuration(graph.environment, name)) for name in asset.variants}
    made = {name: one for name, one in variants.items() if one.pointer.is_file()}
    return asset.slot(Configuration(graph.environment)), made


def _evaluated(slot: Slot, named: Mapping[str, Slot], name: str) -> Evaluated:
    """Return the version of a name."""
    if name in named:
        folder = find(named[name])
        if folder is None:
            raise InputError(f"{slot.name} has not been made yet; make it with: tessitura run {slot.asset[:-7]}")
        return Evaluated(name, folder, dict(_ancestors(slot.root, folder)))
    if _KEY.fullmatch(name):
        for folder in _scored(slot):
            made = dict(_ancestors(slot.root, folder))
            if any(one.name.startswith(name) for one in made.values()):
                if (reason := damage(folder)) is not None:
                    raise InputError(f"{folder}: damaged ({reason}); make it again")
                return Evaluated(name, folder, made)
    there = ", ".join([*named, *(one.name for one in _scored(slot))])
    raise InputError(f"{name!r} is no version of {slot.asset[:-7]} with scores; there are {there}")


def _scored(slot: Slot) -> list[Path]:
    """Return the folders of all finished versions of the scores, newest first."""
    folders = [path.parent for path in slot.home.glob(f"versions/*/{RUN}")]
    return sorted(folders, key=lambda one: (str(read_record(one)["made"]), one.name), reverse=True)


def _ancestors(root: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the asset and the folder of a version and of all that it was made from, as far as the store has them."""
    seen, left = set(), [folder]
    while left:
        one = left.pop()
        if one in seen or not (one / RUN).is_file():
            continue
        seen.add(one)
        record = read_record(one)
        yield record["asset"], one
        places = [root / str(place) for place in record.get("origins", {}).values()]
        left += [place for place in places if place.resolve().is_relative_to(root.resolve())]


def pinned(folder: Path) -> bool:
    """Return whether the user has pinned a version."""
    return (folder.parent.parent / "pins" / f"{folder.name}.json").is_file()


def is_in_use(folder: Path) -> bool:
    """Return whether a version is the current one of its asset."""
    return read_pointer(folder.parent.parent / "current" / "main") == folder.name
