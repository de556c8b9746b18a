"""Builds the Dagster definitions: assets, checks, jobs, sensors, executor."""

from dataclasses import replace
from functools import partial

import dagster as dg

from assets import registry
from assets.conversion import scores as conversion
from assets.datasets.ratings import RESULTS
from assets.environment import Configuration
from assets.graph import Graph
from assets.listening import RATINGS
from assets.provenance import Provenance
from assets.separation import evaluation as separation
from assets.synthesis import evaluation as synthesis
from data.processes import end_with_parent
from pipelines.console import console
from pipelines.digest import digest_job, digest_schedule
from pipelines.failures import failures
from pipelines.homes.executors import choose_executor
from pipelines.homes.needs import tags_of
from pipelines.jobs import SYSTEMS, make_jobs, make_sensors
from pipelines.nightly import asset_condition, source_condition
from pipelines.recovery import dead_runs
from pipelines.reports.run import show_chapters, show_report
from pipelines.settings import Settings
from pipelines.threads import share_cores

QUALITY = (synthesis.QUALITY, separation.QUALITY, conversion.QUALITY)


def make_graph(settings: Settings) -> Graph:
    """Return all declared assets in the environment that the settings describe.

    Example:
        >>> graph = make_graph(Settings.read())
        >>> slot = graph.registry.assets["synthesis_model"].slot(Configuration(graph.environment))
    """
    environment = settings.environment()
    found = registry.REGISTRY.within(Configuration(environment))

    def automation(name: str) -> dg.AutomationCondition | None:
        if name in (RATINGS, RESULTS.name):
            return None  # a sensor of their own takes them as they come
        return source_condition() if name in found.sources else asset_condition()

    provenance = Provenance(settings.home / "cache" / "code.json")
    tags = partial(tags_of, settings=settings)
    deliver, links = partial(show_report, settings), partial(show_chapters, settings, "data")
    return Graph(found, environment, provenance, automation, deliver, tags=tags, links=links)


def build_defs(settings: Settings, *, pooled: bool = True) -> dg.Definitions:
    """Return the Dagster definitions for the given settings.

    Args:
        settings: the settings, such as the preset and the data.
        pooled: whether trainings wait in Dagster's pool before they wait for their lock. Dagster's executor for one
            process keeps a core busy while it waits in a pool, and says nothing (interval_to_next_pending_claim_check).

    Example:
        >>> job = build_defs(Settings.read()).resolve_job_def("synthesis")
    """
    graph, executor = make_graph(settings), choose_executor(settings)
    if not pooled:
        graph = replace(graph, pool=None)
    assets = graph.definitions()
    graph.provenance.remember()
    digest = digest_job(settings, graph, tuple(SYSTEMS))
    return dg.Definitions(
        assets=assets,
        asset_checks=[check for one in QUALITY for check in one.checks(graph)],
        jobs=[*make_jobs(graph, executor), digest],
        schedules=[digest_schedule(digest)],
        sensors=[failures, dead_runs, *make_sensors(graph)],
        executor=executor,
        loggers={"console": console},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the Dagster definitions for the settings of this environment.

    The settings are frozen: processes that this one starts, such as runs, use the same settings, even if `.env` is
    edited meanwhile. An edit takes effect when the code location is reloaded or the program is started again. Runs and
    their steps load the definitions too; they end with the process that started them.
    """
    end_with_parent()
    share_cores()
    settings = Settings.read()
    settings.freeze()
    return build_defs(settings)
