"""Runs a system with an overridden configuration, and stores the results under the name of an experiment.

An experiment is a Dagster job of ops, not of assets: it never changes the current versions, and it does not appear in
the history of the assets. Stages that the overrides do not affect are found in the store and shared with the system in
use. The experiment's own versions are kept under its name; the web UI shows them as assets
"PRESET/experiments/NAME/ASSET".
"""

import re
from collections.abc import Mapping
from typing import Any

import dagster as dg

from assets.declaration import StoredAsset
from assets.environment import Configuration
from assets.graph import RETRY, Graph
from assets.production import Order, Workshop
from assets.progress import progress_listener
from assets.steps import reported_errors
from data.errors import InputError
from data.files.names import is_id

RESOURCE = "experiment"


class Experiment(dg.ConfigurableResource):
    """The Dagster resource that holds the name and the overrides of an experiment.

    Attributes:
        name: name of the experiment: letters, digits, "_" and "-". Its versions are kept and reported under it.
        overrides: new values of fields of the system's configuration by dotted path: {"fine_tune.steps": 2000}.
    """

    name: str
    overrides: dict[str, Any]

    def run(self, graph: Graph) -> Configuration:
        """Return the configuration of the run.

        Raises:
            InputError: the name is not valid, or there are no overrides.
        """
        if not is_id(self.name):
            raise InputError(f"experiment {self.name!r}: a name of letters, digits, '_' and '-' is needed")
        if not self.overrides:
            raise InputError(f"experiment {self.name!r}: no overrides, so it would be what is in use already")
        return Configuration(graph.environment, overrides=self.overrides)


def experiment_job(graph: Graph, system: str, executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    """Return the job that makes a system with overrides. Its data set must have been materialised before.

    Args:
        graph: the declared assets.
        system: name of the system, "synthesis" or "separation".
        executor: executor of the job.

    Example:
        >>> job = experiment_job(graph, "synthesis", dg.in_process_executor)
        >>> changes = {"name": "longer", "overrides": {"fine_tune.steps": 2000}}
        >>> job.execute_in_process(run_config={"resources": {"experiment": {"config": changes}}})
    """
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
        f"`{RESOURCE}` takes the name and the overrides. Nothing that is in use changes. Needs: the data sets to have "
        f"been made. Costs: as the job {system}, less whatever the overrides do not concern.",
    )
    return made.to_job(
        resource_defs={RESOURCE: Experiment.configure_at_launch()},
        executor_def=executor,
        tags={"tessitura/preset": graph.environment.preset},
    )


def _op_name(asset: str) -> str:
    """Return the name of the op that makes an asset; Dagster allows only letters, digits and "_"."""
    return re.sub(r"\W", "_", f"make_{asset}")


def _op(graph: Graph, asset: StoredAsset, upstream: list[str]) -> dg.OpDefinition:
    """Return the op that makes an asset within an experiment."""

    @dg.op(
        name=_op_name(asset.name),
        ins={name: dg.In(dg.Nothing) for name in upstream},
        out=dg.Out(dg.Nothing),
        description=asset.description,
        retry_policy=RETRY,
        pool=graph.pool if asset.trains else None,
        tags=graph.op_tags(asset),
    )
    def make(context: dg.OpExecutionContext, experiment: Experiment) -> None:
        with reported_errors(context, graph.environment):
            order = Order(asset, experiment.run(graph), experiment.name)
            workshop = Workshop(graph.registry, graph.provenance, progress_listener(context), context.log.info)
            produced = workshop.produce(order)
            if not produced.published:
                raise InputError(_refusal(asset, produced.findings))
            metadata = graph.described(asset, produced, experiment.name)
        key = dg.AssetKey([graph.environment.preset, "experiments", experiment.name, asset.name])
        context.log_event(dg.AssetMaterialization(key, metadata=metadata))

    return make


def _refusal(asset: StoredAsset, findings: Mapping[str, Any]) -> str:
    """Return the error message for a version that failed an audit."""
    failed = [f"{name}: {one.advice}" for name, one in findings.items() if not one.passed]
    return f"{asset.name} did not pass {'; '.join(failed)}"
