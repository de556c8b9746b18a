"""Lists the current versions in the store, finds the slot of an asset, and tells which work would be resumed."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from assets.declaration import StoredAsset
from assets.environment import DATA, EMBEDDED, Configuration
from assets.provenance import commit_of
from assets.store.pointers import Slot, pointed, recorded
from data.errors import InputError
from models.synthesis.presets import PRESETS
from pipelines.definitions import make_graph
from pipelines.settings import Settings


def survey(settings: Settings) -> list[dict[str, Any]]:
    """Return a dictionary for each current version of the preset and its data; what it is made from comes before it.

    Returns:
        "asset" ("SPACE/ASSET" or "SPACE/ASSET/VARIANT"), "version" (its key), "fingerprint", "made" (date and time,
        UTC), "seconds" (time it took), "commit" (with the files that were not committed) and "folder". If what says so
        is damaged, instead of these: "asset", "damage" (what is wrong, as text), "folder" (None if it is the pointer).

    Example:
        >>> [one["asset"] for one in survey(Settings.read())]
        ['embedded/nsynth_shards', 'demo/synthesis_autoencoder']
    """
    graph, found = make_graph(settings), []
    for asset in _in_order(graph.registry.assets):
        for variant in ("", *asset.variants):
            slot = asset.slot(Configuration(graph.environment, variant))
            try:
                if (known := recorded(slot)) is not None:
                    found.append({"asset": slot.name, **_described(*known), "folder": str(known[0])})
                elif slot.remote is None and slot.pointer.exists():
                    damage = f"{slot.pointer} names no finished version"
                    found.append({"asset": slot.name, "damage": damage, "folder": None})
            except InputError as error:
                folder = pointed(slot) if slot.remote is None else slot.remote.place(slot)
                found.append({"asset": slot.name, "damage": str(error), "folder": str(folder)})
    return found


def _in_order(assets: Mapping[str, StoredAsset]) -> list[StoredAsset]:
    """Return assets so that each comes after those that it is made from, otherwise as they are declared."""
    found: dict[str, StoredAsset] = {}

    def visit(asset: StoredAsset) -> None:
        if asset.name not in found:
            for name in asset.inputs:
                if name in assets:
                    visit(assets[name])
            found[asset.name] = asset

    for one in assets.values():
        visit(one)
    return list(found.values())


def _described(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `survey` tells of a version."""
    try:
        return {
            "version": folder.name,
            "fingerprint": record["fingerprint"],
            "made": datetime.fromisoformat(record["made"]).strftime("%Y-%m-%d %H:%M"),
            "seconds": float(record["seconds"]),
            "commit": commit_of(record["provenance"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        return {"damage": str(error)}


def slot_of(settings: Settings, name: str) -> Slot:
    """Return the slot of an asset.

    Args:
        settings: the settings, which name the store and the preset.
        name: "ASSET", or "ASSET/VARIANT" for an ablation variant; the preset may stand in front, as `status` prints it.

    Raises:
        InputError: there is no such asset or variant.
    """
    graph = make_graph(settings)
    first, _, rest = name.partition("/")
    if first in (DATA, EMBEDDED, settings.preset):
        name = rest
    asked, _, variant = name.partition("/")
    asset = graph.registry.assets.get(asked)
    if asset is None:
        raise InputError(f"{asked!r} is no asset; there are {', '.join(graph.registry.assets)}")
    if variant and variant not in asset.variants:
        raise InputError(f"{variant!r} is no variant of {asked}; there are {', '.join(asset.variants) or 'none'}")
    return asset.slot(Configuration(graph.environment, variant))


def would_go_on(settings: Settings) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that tells, given the recipe.json of an unfinished version, whether a run would resume it.

    It would if code and configuration of the version are the present ones, with its own preset and, for an experiment,
    its own overrides. The inputs are not compared.
    """
    graph = make_graph(settings)

    def test(recipe: Mapping[str, Any]) -> bool:
        asset = graph.registry.assets.get(recipe.get("asset", ""))
        if asset is None or recipe.get("code_version") != graph.provenance.code_version(asset):
            return False
        space = str(recipe.get("space"))
        environment = replace(graph.environment, preset=space) if space in PRESETS else graph.environment
        overrides = recipe.get("overrides", {})
        try:
            slices = [asset.slice(Configuration(environment, one, overrides)) for one in ("", *asset.variants)]
        except InputError:  # its overrides name fields that are no more
            return False
        return recipe.get("config") in slices

    return test
