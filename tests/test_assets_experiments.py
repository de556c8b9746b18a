"""Experiments as Dagster runs them: one setting for the whole run, a name, and nothing in use that changes."""

import dagster as dg
import pytest
from tiny_assets import REGISTRY, Known, down, report, reset, up

from assets.environment import Configuration, Environment
from assets.experiments import experiment_job
from assets.graph import Graph
from assets.production import Order, Workshop
from assets.store.pointers import find
from assets.store.versions import Version
from data.progress import ignore


@pytest.fixture
def environment(tmp_path) -> Environment:
    reset()
    environment = Environment(tmp_path, "demo", device="cpu", nsynth="/somewhere")
    workshop = Workshop(REGISTRY, Known(), ignore, lambda text: None)
    for asset in (up, down, report):
        workshop.produce(Order(asset, Configuration(environment)))
    return environment


def launch(environment: Environment, name: str, overrides: dict) -> dg.ExecuteInProcessResult:
    graph = Graph(REGISTRY, environment, Known())
    job = experiment_job(graph, "tiny", dg.in_process_executor)
    config = {"resources": {"experiment": {"config": {"name": name, "overrides": overrides}}}}
    return job.execute_in_process(run_config=config, raise_on_error=False)


def slot(environment: Environment, asset, experiment: str = ""):
    return asset.slot(Configuration(environment), experiment)


def test_an_experiment_makes_its_own_versions_and_changes_nothing_in_use(environment):
    before = {asset.name: find(slot(environment, asset)) for asset in (up, down, report)}
    result = launch(environment, "longer", {"fine_tune.steps": 7})
    assert result.success
    assert {asset.name: find(slot(environment, asset)) for asset in (up, down, report)} == before
    mine = Version(find(slot(environment, down, "longer")))
    assert mine.folder != before["down"]
    assert (mine.record["experiment"], mine.record["overrides"]) == ("longer", {"fine_tune.steps": 7})
    page = find(slot(environment, report, "longer"))
    assert (page / "out").read_bytes() == b"main longer: {'fine_tune.steps': 7}"
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == {f"demo/experiments/longer/{name}" for name in ("up", "down", "report")}


@pytest.mark.parametrize(
    ("name", "overrides", "said"),
    [
        ("../x", {"fine_tune.steps": 7}, "experiment '../x': a name of letters"),
        ("x", {}, "experiment 'x': no overrides"),
        ("x", {"fine_tune.stepps": 7}, "no field 'stepps'"),
        ("x", {"fine_tune.steps": "many"}, "'many' is no int"),
    ],
)
def test_an_experiment_that_cannot_be_is_refused_and_not_retried(environment, name, overrides, said):
    result = launch(environment, name, overrides)
    assert not result.success
    failures = [one.step_failure_data.error.message for one in result.all_events if one.is_step_failure]
    assert any(said in failure for failure in failures)
    assert [one for one in result.all_events if one.event_type_value == "STEP_UP_FOR_RETRY"] == []
    assert not list(environment.store.glob("*/*/experiments"))
