"""Takes new results of listening tests: a sensor that launches a job when the folder of results has changed.

The job makes the checked ratings anew, and the reports of those systems whose report has been made before.
"""

import dagster as dg

from assets.declaration import Source
from assets.environment import Configuration
from assets.graph import Graph
from assets.listening import RATINGS
from assets.store.pointers import find
from data.errors import InputError

LISTENING = "listening"  # name of the job
_SECONDS = 30


def results_selection(graph: Graph) -> dg.AssetSelection:
    """Return the ratings and the reports that tell of them."""
    reports = [one.name for one in graph.registry.assets.values() if RATINGS in one.optional]
    source = graph.registry.assets[RATINGS].source
    assert source is not None
    return dg.AssetSelection.assets(*(graph.key(name) for name in (source.name, RATINGS, *reports)))


def results_sensor(graph: Graph) -> dg.SensorDefinition:
    """Return the sensor that launches the job when a file of results has come, changed or gone.

    It is on by default: whoever sets TESSITURA_RATINGS wants the results taken.
    """
    source = graph.registry.assets[RATINGS].source
    assert source is not None

    @dg.sensor(
        name="listening_results",
        job_name=LISTENING,
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes new results of listening tests from the folder TESSITURA_RATINGS: checks them and makes the "
        "reports that tell of them anew.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        return _look(graph, source, context.cursor or "")

    return look


def _look(graph: Graph, source: Source, cursor: str) -> dg.SensorResult | dg.SkipReason:
    """Return the run to launch, with the version of the folder as the new cursor; a reason if there is none."""
    try:
        version = source.version(graph.environment)
    except InputError as error:
        return dg.SkipReason(str(error))
    if version == cursor:
        return dg.SkipReason("no new results")
    run = Configuration(graph.environment)
    made = [
        one.name
        for one in graph.registry.assets.values()
        if RATINGS in one.optional and find(one.slot(run)) is not None
    ]
    keys = [graph.key(name) for name in (source.name, RATINGS, *made)]
    return dg.SensorResult([dg.RunRequest(asset_selection=keys)], cursor=version)
