"""What can be launched by intent: a system, all of them, its ablations, an experiment; and the nightly retraining."""

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
    """A system as users launch it.

    Attributes:
        name: of the system and its job.
        data: the data set it is made from.
        variants: the main variant, and the rows of its ablation.
        story: what its job makes.
        ablation: what the variants beside the main one are for.
    """

    name: str
    data: str
    variants: tuple[str, ...]
    story: str
    ablation: str

    def selection(self, graph: Graph) -> dg.AssetSelection:
        """Return its assets, its data and their source."""
        own = [one.name for one in graph.registry.assets.values() if one.group == self.name]
        source = graph.registry.assets[self.data].source
        assert source is not None, "a data set comes from somewhere"
        return dg.AssetSelection.assets(*(graph.key(name) for name in (source.name, self.data, *own)))

    def ablations(self, graph: Graph) -> dg.AssetSelection:
        """Return the families of its variants."""
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
    """Return a system by its name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in SYSTEMS:
        raise InputError(f"{name!r} is no system; there are {', '.join(SYSTEMS)}")
    return SYSTEMS[name]


def make_jobs(graph: Graph, executor: dg.ExecutorDefinition) -> list[Any]:
    """Return every job: a system, its ablations, its experiments, and everything at once."""
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
                description=f"The whole trip of the {one.name} system {preset}: {one.story}.",
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
    found = selections[0]
    for one in selections[1:]:
        found = found | one
    return found


def make_sensors(graph: Graph) -> list[dg.SensorDefinition]:
    """Return the switch of every system's nightly retraining."""
    return [nightly_sensor(one.name, one.selection(graph), graph.environment.preset) for one in SYSTEMS.values()]
