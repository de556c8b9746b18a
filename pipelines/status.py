"""What the store holds."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from assets.environment import Configuration
from assets.store.pointers import Slot, find
from assets.store.versions import Version
from data.errors import InputError
from pipelines.definitions import make_graph
from pipelines.settings import Settings


def survey(settings: Settings) -> list[dict[str, Any]]:
    """Return a row for every current version, in the order of the graph: when and by what it was made."""
    graph, found = make_graph(settings), []
    for asset in graph.registry.assets.values():
        for variant in ("", *asset.variants):
            slot = asset.slot(Configuration(graph.environment, variant))
            folder = find(slot)
            if folder is None:
                continue
            record = Version(folder).record
            found.append(
                {
                    "asset": slot.name,
                    "version": folder.name,
                    "fingerprint": record["fingerprint"],
                    "made": datetime.fromisoformat(record["made"]).strftime("%Y-%m-%d %H:%M"),
                    "seconds": record["seconds"],
                    "commit": record["provenance"]["commit"],
                    "folder": str(folder),
                }
            )
    return found


def slot_of(settings: Settings, name: str) -> Slot:
    """Return where an asset has its current version; the variant of an ablation stands behind a "/".

    Raises:
        InputError: no such asset or variant.
    """
    graph = make_graph(settings)
    asked, _, variant = name.rpartition("/") if "/" in name else (name, "", "")
    asset = graph.registry.assets.get(asked)
    if asset is None:
        raise InputError(f"{asked!r} is no asset; there are {', '.join(graph.registry.assets)}")
    if variant and variant not in asset.variants:
        raise InputError(f"{variant!r} is no variant of {asked}; there are {', '.join(asset.variants) or 'none'}")
    return asset.slot(Configuration(graph.environment, variant))


def would_go_on(settings: Settings) -> Callable[[Mapping[str, Any]], bool]:
    """Return a function that tells whether a run would go on with an unfinished version of a recipe.

    That is so where code and configuration are those of now; its inputs may be others by then.
    """
    graph = make_graph(settings)

    def test(recipe: Mapping[str, Any]) -> bool:
        asset = graph.registry.assets.get(recipe.get("asset", ""))
        if asset is None or recipe.get("code_version") != graph.provenance.code_version(asset):
            return False
        runs = (Configuration(graph.environment, variant) for variant in ("", *asset.variants))
        return recipe.get("config") in [asset.slice(run) for run in runs]

    return test
