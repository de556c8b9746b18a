"""Experiments: a system made with some of its configuration overridden, under a name of its own.

An experiment is a run of a job, not of assets: it never changes what is current, and Dagster's history of the
assets says nothing of it. What it shares with what is in use (stages that the overrides do not concern) is found
in the store; its own versions are kept under its name, and appear in the web UI as assets
"PRESET/experiments/NAME/ASSET".
"""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.declaration import StoredAsset
from assets.environment import Configuration
from assets.graph import RETRY, TRAINING, Graph, described, permanent_errors
from assets.production import Order, Workshop
from assets.progress import progress_listener
from data.errors import InputError
from data.files.names import is_id

RESOURCE = "experiment"


class Experiment(dg.ConfigurableResource):
    """What an experiment changes: one setting for the whole run.

    Attributes:
        name: letters, digits, "_" and "-"; versions are kept and reported under it.
        overrides: fields of the system's configuration by path, such as {"fine_tune.steps": 2000}.
    """

    name: str
    overrides: dict[str, Any]

    def run(self, graph: Graph) -> Configuration:
        """Return the configuration of the run.

        Raises:
            InputError: the name cannot serve as one, or nothing is overridden.
        """
        if not is_id(self.name):
            raise InputError(f"experiment {self.name!r}: a name of letters, digits, '_' and '-' is needed")
        if not self.overrides:
            raise InputError(f"experiment {self.name!r}: no overrides, so it would be what is in use already")
        return Configuration(graph.environment, overrides=self.overrides)


def experiment_job(graph: Graph, system: str, executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    """Return the job that makes a system with overrides; its data must have been materialised before."""
    assets = {one.name: one for one in graph.registry.assets.values() if one.group == system and one.experiments}
    dependencies: dict[str, Mapping[str, dg.DependencyDefinition]] = {
        _op_name(name): {
            _op_name(upstream): dg.DependencyDefinition(_op_name(upstream))
            for upstream in asset.inputs
            if upstream in assets
        }
        for name, asset in assets.items()
    }
    made = dg.GraphDefinition(
        name=f"{system}_experiment",
        node_defs=[_op(graph, asset, list(dependencies[_op_name(name)])) for name, asset in assets.items()],
        dependencies=dependencies,
        description=f"The {system} system with some of its configuration overridden, under a name: the resource "
        f"`{RESOURCE}` takes the name and the overrides. Nothing that is in use changes.",
    )
    return made.to_job(
        resource_defs={RESOURCE: Experiment.configure_at_launch()},
        executor_def=executor,
        tags={"tessitura/preset": graph.environment.preset},
    )


def _op_name(asset: str) -> str:
    return re.sub(r"\W", "_", f"make_{asset}")


def _op(graph: Graph, asset: StoredAsset, upstream: list[str]) -> dg.OpDefinition:
    """Return the op that makes an asset within an experiment."""

    @dg.op(
        name=_op_name(asset.name),
        ins={name: dg.In(dg.Nothing) for name in upstream},
        out=dg.Out(dg.Nothing),
        description=asset.description,
        retry_policy=RETRY,
        pool=TRAINING if asset.trains else None,
        tags={f"tessitura/{TRAINING}": "yes"} if asset.trains else None,
    )
    def make(context: dg.OpExecutionContext, experiment: Experiment) -> None:
        with permanent_errors():
            order = Order(asset, experiment.run(graph), experiment.name)
            workshop = Workshop(graph.registry, graph.provenance, progress_listener(context), context.log.info)
            produced = workshop.produce(order)
            if not produced.published:
                raise InputError(_refusal(asset, produced.findings))
        key = dg.AssetKey([graph.environment.preset, "experiments", experiment.name, asset.name])
        context.log_event(dg.AssetMaterialization(key, metadata=described(asset, produced)))

    return make


def _refusal(asset: StoredAsset, findings: Mapping[str, Any]) -> str:
    failed = [f"{name}: {one.advice}" for name, one in findings.items() if not one.passed]
    return f"{asset.name} did not pass {'; '.join(failed)}"
