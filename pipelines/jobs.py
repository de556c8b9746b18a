"""The jobs (a system, all systems, the ablations and the experiments of a system) and the sensors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.experiments import experiment_job
from assets.graph import ABLATIONS, Graph
from assets.listening import RATINGS
from data.errors import InputError
from models.conversion.presets import VARIANTS as CONVERSIONS
from models.separation.presets import CONDITIONS
from models.synthesis.presets import VARIANTS
from pipelines.nightly import nightly_sensor
from pipelines.results import LISTENING, results_selection, results_sensor


@dataclass(frozen=True)
class System:
    """A system that users can launch.

    Attributes:
        name: name of the system and of its job.
        data: name of the asset with its data set.
        variants: names of its variants; the first is the main variant, the others are its ablation.
        story: what its job makes, as text for the web UI.
        ablation: what the variants other than the main one are, as text for the web UI.
        wants: what data its job needs, as text for the web UI.
        cost: how long its job takes, by preset, as text for the web UI.
        needs: names of assets of other systems, and of their data sets, that it is made from; its job makes them too.
    """

    name: str
    data: str
    variants: tuple[str, ...]
    story: str
    ablation: str
    wants: str
    cost: Mapping[str, str]
    needs: tuple[str, ...] = ()

    def names(self, graph: Graph) -> tuple[str, ...]:
        """Return the names of the assets that its job makes."""
        return (*self._others(graph), *self._own(graph))

    def own(self, graph: Graph) -> dg.AssetSelection:
        """Return its own assets, its data set and the source of that."""
        return self._selection(graph, self._own(graph))

    def selection(self, graph: Graph) -> dg.AssetSelection:
        """Return the assets that its job makes: its own, those of other systems that it needs, and the ratings."""
        others = self._others(graph)
        return self._selection(graph, others) | self.own(graph) if others else self.own(graph)

    def _others(self, graph: Graph) -> tuple[str, ...]:
        """Return the names of assets of other systems that it needs, and of the ratings of listeners, if any."""
        return (*self.needs, *(one for one in (RATINGS,) if one in graph.registry.assets))

    def _own(self, graph: Graph) -> tuple[str, ...]:
        """Return the names of its own assets and of its data set."""
        return (self.data, *(one.name for one in graph.registry.assets.values() if one.group == self.name))

    def _selection(self, graph: Graph, names: tuple[str, ...]) -> dg.AssetSelection:
        """Return assets by name, with the sources of those that have one."""
        found = [source.name for name in names if (source := graph.registry.assets[name].source) is not None]
        return dg.AssetSelection.assets(*(graph.key(name) for name in (*found, *names)))

    def ablations(self, graph: Graph) -> dg.AssetSelection:
        """Return the assets that hold its ablation variants, as partitions."""
        return dg.AssetSelection.groups(f"{self.name}_{ABLATIONS}")


_DAYS = "days on a GPU"
SYSTEMS = {
    one.name: one
    for one in (
        System(
            "synthesis",
            "nsynth_shards",
            VARIANTS,
            "data, three stages, evaluation, champion, report",
            "the rows of SING's Table 1 beside the main one, and harmonic, which goes beyond the paper",
            "NSynth (TESSITURA_NSYNTH), or else notes that are synthesised here",
            {"demo": "2 to 5 minutes on 2 cores", "small": "75 minutes on 2 cores", "paper": _DAYS},
        ),
        System(
            "separation",
            "musdb_tracks",
            CONDITIONS,
            "data, codec, denoiser, masks, evaluation, studies, champion, report",
            "other ways to show the denoiser the mixture",
            "MUSDB18 (TESSITURA_MUSDB), or else songs that are synthesised here",
            {"demo": "2 to 5 minutes on 2 cores", "small": "an hour on 2 cores", "paper": _DAYS},
        ),
        System(
            "conversion",
            "voices_clips",
            tuple(CONVERSIONS),
            "data, melody extractor, content, acoustic models, vocoder, evaluation, champion, report",
            "other melody extractors (last layer, no FFT blocks), frozen or regularised encoders, fewer discriminators",
            "a folder of singing (TESSITURA_VOICES) and MUSDB18, or else singers and songs that are synthesised here",
            {"demo": "3 to 10 minutes on 2 cores", "small": "80 minutes on 2 cores", "paper": _DAYS},
            ("musdb_tracks", "separation_songs", "separation_embedded_songs", "separation_mask_network"),
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
            description=f"All systems, from data to reports {preset}. What is not stale is found in the store. "
            f"Needs: {'; '.join(one.wants for one in SYSTEMS.values())}. "
            f"Costs: {'; '.join(f'{one.name} {_cost(one, graph)}' for one in SYSTEMS.values())}.",
            tags=tags,
        )
    ]
    if RATINGS in graph.registry.assets:
        told = (
            f"What listeners sent back, checked, and the reports that tell of it {preset}. "
            "Needs: exported listening tests with results (TESSITURA_RATINGS). Costs: a minute."
        )
        found.append(dg.define_asset_job(LISTENING, selection=results_selection(graph), description=told, tags=tags))
    for one in SYSTEMS.values():
        found += [
            dg.define_asset_job(
                one.name,
                selection=one.selection(graph),
                description=f"The whole {one.name} system {preset}: {one.story}. Needs: {one.wants}. "
                f"Costs: {_cost(one, graph)}; what is not stale is found in the store.",
                tags=tags,
            ),
            dg.define_asset_job(
                f"{one.name}_{ABLATIONS}",
                selection=one.ablations(graph),
                description=f"Ablations of the {one.name} system {preset}: {one.ablation}. Add the variants that you "
                f"want as partitions ({', '.join(graph.variants(one.name))}); the next report holds them. "
                f"Needs: the job {one.name} to have run. Costs: up to {_cost(one, graph)} for each variant.",
                tags=tags,
            ),
            experiment_job(graph, one.name, executor),
        ]
    return found


def _cost(system: System, graph: Graph) -> str:
    return system.cost[graph.environment.preset]


def _all(selections: list[dg.AssetSelection]) -> dg.AssetSelection:
    """Return the union of selections."""
    found = selections[0]
    for one in selections[1:]:
        found = found | one
    return found


def make_sensors(graph: Graph) -> list[dg.SensorDefinition]:
    """Return the nightly sensor of each system, and the one that takes new results of listening tests, if any."""
    nightly = [nightly_sensor(one.name, one.own(graph), graph.environment.preset) for one in SYSTEMS.values()]
    return [*nightly, results_sensor(graph)] if RATINGS in graph.registry.assets else nightly
