"""The jobs (a system, all systems, the ablations and the experiments of a system) and the sensors."""

from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.experiments import experiment_job
from assets.graph import ABLATIONS, Graph
from data.errors import InputError
from models.separation.presets import CONDITIONS
from models.synthesis.presets import VARIANTS
from pipelines.nightly import nightly_sensor


@dataclass(frozen=True)
class System:
    """A system that users can launch.

    Attributes:
        name: name of the system and of its job.
        data: name of the asset with its data set.
        variants: names of its variants; the first is the main variant, the others are its ablation.
        story: what its job makes, as text for the web UI.
        ablation: what the variants other than the main one are, as text for the web UI.
    """

    name: str
    data: str
    variants: tuple[str, ...]
    story: str
    ablation: str

    def selection(self, graph: Graph) -> dg.AssetSelection:
        """Return the assets that its job makes: the source of its data, the data set, and the assets of the system."""
        own = [one.name for one in graph.registry.assets.values() if one.group == self.name]
        source = graph.registry.assets[self.data].source
        assert source is not None, "a data set comes from somewhere"
        return dg.AssetSelection.assets(*(graph.key(name) for name in (source.name, self.data, *own)))

    def ablations(self, graph: Graph) -> dg.AssetSelection:
        """Return the assets that hold its ablation variants, as partitions."""
        return dg.AssetSelection.groups(f"{self.name}_{ABLATIONS}")


SYSTEMS = {
    one.name: one
    for one in (
        System(
            "synthesis",
            "nsynth_shards",
            VARIANTS,
            "data, three stages, evaluation, champion, report",
            "the rows of SING's Table 1 beside the main one",
        ),
        System(
            "separation",
            "musdb_tracks",
            CONDITIONS,
            "data, codec, denoiser, masks, evaluation, studies, report",
            "other ways to show the denoiser the mixture",
        ),
    )
}


def find_system(name: str) -> System:
    """Return the system of a name.

    Raises:
        InputError: there is no system of this name.
    """
    if name not in SYSTEMS:
        raise InputError(f"{name!r} is no system; there are {', '.join(SYSTEMS)}")
    return SYSTEMS[name]


def make_jobs(graph: Graph, executor: dg.ExecutorDefinition) -> list[Any]:
    """Return all jobs: "everything", and for each system "NAME", "NAME_ablations" and "NAME_experiment"."""
    tags = {"tessitura/preset": graph.environment.preset}
    preset = f"(preset {graph.environment.preset})"
    found: list[Any] = [
        dg.define_asset_job(
            "everything",
            selection=_all([one.selection(graph) for one in SYSTEMS.values()]),
            description=f"All systems, from data to reports {preset}. What is not stale is found in the store.",
            tags=tags,
        )
    ]
    for one in SYSTEMS.values():
        found += [
            dg.define_asset_job(
                one.name,
                selection=one.selection(graph),
                description=f"The whole {one.name} system {preset}: {one.story}.",
                tags=tags,
            ),
            dg.define_asset_job(
                f"{one.name}_{ABLATIONS}",
                selection=one.ablations(graph),
                description=f"Ablations of the {one.name} system {preset}: {one.ablation}. Launch it over all "
                "partitions, after the system itself; the next report holds them.",
                tags=tags,
            ),
            experiment_job(graph, one.name, executor),
        ]
    return found


def _all(selections: list[dg.AssetSelection]) -> dg.AssetSelection:
    """Return the union of selections."""
    found = selections[0]
    for one in selections[1:]:
        found = found | one
    return found


def make_sensors(graph: Graph) -> list[dg.SensorDefinition]:
    """Return the sensor of each system that switches its nightly retraining on and off."""
    return [nightly_sensor(one.name, one.selection(graph), graph.environment.preset) for one in SYSTEMS.values()]
