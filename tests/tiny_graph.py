"""The real graph in a home of its own: assets by name, materialised in this process."""

from pathlib import Path
from typing import Any

import dagster as dg

from assets.environment import Configuration, Environment
from assets.graph import Graph
from assets.provenance import Provenance
from assets.registry import REGISTRY
from assets.store.pointers import find
from pipelines.definitions import QUALITY

PROVENANCE = Provenance()  # what code can be reached is found once for all tests of a process


class Home:
    """A home in which assets can be materialised."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.environment = Environment(**{"home": folder, "preset": "demo", "device": "cpu", **settings})
        self.instance = dg.DagsterInstance.ephemeral()
        self.graph = Graph(REGISTRY.within(Configuration(self.environment)), self.environment, PROVENANCE)

    def materialize(self, *names: str, variant: str | None = None, raise_on_error: bool = True, **options: Any):
        """Materialise assets, or rows of their ablation, with their checks."""
        definitions = self.graph.definitions()
        quality = [check for one in QUALITY for check in one.checks(self.graph)]
        checks = [one for one in quality if variant is None and one.check_key.asset_key.path[-1] in names]
        keys = [self.graph.key(name, variant is not None) for name in names]
        if variant is not None:
            instance = options.setdefault("instance", self.instance)
            self.graph.ask(instance, REGISTRY.assets[names[0]].group, [variant])
        selection = dg.AssetSelection.assets(*keys) | dg.AssetSelection.checks(*checks)
        return dg.materialize(
            [*definitions, *checks],
            selection=selection if checks else dg.AssetSelection.assets(*keys),
            partition_key=variant,
            raise_on_error=raise_on_error,
            **options,
        )

    def current(self, name: str, variant: str = "", experiment: str = "") -> Path | None:
        """Return the folder of the version that counts."""
        return find(REGISTRY.assets[name].slot(Configuration(self.environment, variant), experiment))

    def home_of(self, name: str) -> Path:
        """Return the folder of an asset in the store."""
        return REGISTRY.assets[name].slot(Configuration(self.environment)).home


def names_of(group: str) -> list[str]:
    """Return the assets of a group."""
    return [one.name for one in REGISTRY.assets.values() if one.group == group]


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    """Return what a run said of an asset."""
    (event,) = [one for one in result.get_asset_materialization_events() if one.asset_key.path[-1] == name]
    return {label: value.value for label, value in event.materialization.metadata.items()}
