"""The one Definitions object: every asset by group, its checks, jobs, sensors and executor."""

import dagster as dg

from assets import registry
from assets.graph import Graph
from assets.provenance import Provenance
from assets.separation import evaluation as separation
from assets.synthesis import evaluation as synthesis
from pipelines.console import console
from pipelines.execution import make_executor
from pipelines.failures import failures
from pipelines.jobs import make_jobs, make_sensors
from pipelines.nightly import asset_condition, source_condition
from pipelines.settings import Settings

QUALITY = (synthesis.QUALITY, separation.QUALITY)


def make_graph(settings: Settings) -> Graph:
    """Return all declared assets in an environment."""
    found = registry.REGISTRY

    def automation(name: str) -> dg.AutomationCondition:
        return source_condition() if name in found.sources else asset_condition()

    provenance = Provenance(settings.home / "cache" / "code.json")
    return Graph(found, settings.environment(), provenance, automation)


def build_defs(settings: Settings) -> dg.Definitions:
    """Return the definitions for an environment; tests pass settings of their own."""
    graph, executor = make_graph(settings), make_executor(settings.home)
    assets = graph.definitions()
    graph.provenance.remember()
    return dg.Definitions(
        assets=assets,
        asset_checks=[check for one in QUALITY for check in one.checks(graph)],
        jobs=make_jobs(graph, executor),
        sensors=[failures, *make_sensors(graph)],
        executor=executor,
        loggers={"console": console},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for this environment.

    The settings are frozen: processes that this one starts, such as runs, have the same, even if `.env` is edited
    meanwhile. Reload the code location, or start again, to see an edit.
    """
    settings = Settings.read()
    settings.freeze()
    return build_defs(settings)
