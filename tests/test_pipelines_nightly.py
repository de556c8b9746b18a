"""Nightly retraining over some simulated nights: what is stale, parents first, once, and never two at once."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest
from tiny_assets import CONTENT, REGISTRY, Known, reset

from assets.environment import Environment
from assets.graph import Graph
from models.synthesis.presets import PRESETS
from pipelines.definitions import build_defs
from pipelines.jobs import SYSTEMS
from pipelines.nightly import asset_condition, source_condition


class Week:
    """A graph whose condition is evaluated at given times, as its sensor does while it is on."""

    def __init__(self, environment: Environment, instance: dg.DagsterInstance) -> None:
        self.environment, self.instance, self.cursor, self.now = environment, instance, None, 0.0
        self.graph = self._graph()

    def _graph(self) -> Graph:
        sources = REGISTRY.sources
        return Graph(
            REGISTRY,
            self.environment,
            Known(),
            lambda name: source_condition() if name in sources else asset_condition(),
        )

    def at(self, day: int, hour: int, minute: int = 0) -> set[str]:
        """Return what is requested at a time in November 2025, which is the time from now on."""
        now = datetime(2025, 11, day, hour, minute, 30, tzinfo=UTC)
        self.now = now.timestamp()
        found = dg.evaluate_automation_conditions(
            dg.Definitions(self.graph.definitions()), self.instance, evaluation_time=now, cursor=self.cursor
        )
        self.cursor = found.cursor
        return {result.key.path[-1] for result in found.results if result.true_subset.size}

    def make(self, names: set[str]) -> None:
        """Do what was requested."""
        if names:
            keys = dg.AssetSelection.assets(*(self.graph.key(name) for name in names))
            assert dg.materialize(self.graph.definitions(), selection=keys, instance=self.instance).success

    def night(self, day: int) -> list[set[str]]:
        """Evaluate through a night, do what is requested, and return what that was, in order."""
        asked = []
        for hour, minute in ((1, 59), (2, 0), (2, 1), (2, 2), (2, 3), (4, 0), (6, 1), (12, 0)):
            if found := self.at(day, hour, minute):
                asked.append(found)
                self.make(found)
        return asked


@pytest.fixture
def week(tmp_path, monkeypatch):
    reset()
    with dg.DagsterInstance.ephemeral() as instance:
        week = Week(Environment(tmp_path, "demo", device="cpu", nsynth="/somewhere"), instance)
        monkeypatch.setattr(time, "time", lambda: week.now)  # Dagster's events bear the time of the simulation
        yield week


OBSERVED, ALL = {"source"}, {"up", "down", "report"}


def test_a_week_of_nights(week):
    assert week.night(2) == [OBSERVED, ALL], "the first night makes everything"
    assert week.night(3) == [OBSERVED], "nothing has changed, nothing is made"
    CONTENT["source"] = "2"
    assert week.night(4) == [OBSERVED, ALL], "new data"
    week.environment = Environment(week.environment.home, "small", device="cpu", nsynth="/somewhere")
    week.graph = week._graph()
    assert week.night(5) == [OBSERVED, {"down", "report"}], "another preset has a history of its own"
    assert week.night(6) == [OBSERVED]


def test_another_configuration_makes_what_depends_on_it_and_nothing_else(week, monkeypatch):
    assert week.night(2) == [OBSERVED, ALL]
    preset = PRESETS["demo"]
    longer = replace(preset, fine_tune=replace(preset.fine_tune, steps=preset.fine_tune.steps + 1))
    monkeypatch.setitem(PRESETS, "demo", longer)
    assert week.night(3) == [OBSERVED, {"down", "report"}]


def test_nothing_is_asked_for_by_day_or_twice_in_a_night(week):
    assert week.at(2, 12) == set()
    assert week.at(3, 2) == OBSERVED
    assert week.at(3, 2, 1) == set(), "not before the source was looked at"
    week.make(OBSERVED)
    assert week.at(3, 2, 2) == ALL
    # It failed: nothing was made. It is not asked for again before the next night.
    assert week.at(3, 2, 3) == set()
    assert week.at(3, 7) == set()
    assert week.at(4, 2) == OBSERVED
    week.make(OBSERVED)
    assert week.at(4, 2, 1) == ALL


def test_nothing_is_asked_for_while_it_is_being_made(week):
    week.at(2, 1)
    assert week.at(2, 2) == OBSERVED
    week.make(OBSERVED)
    keys = [week.graph.key(name) for name in ALL]
    job = dg.Definitions(week.graph.definitions(), jobs=[dg.define_asset_job("all", keys)]).resolve_job_def("all")
    run = week.instance.create_run_for_job(job, asset_selection=set(keys), status=dg.DagsterRunStatus.STARTED)
    assert week.at(2, 2, 1) == set()
    week.instance.report_run_canceled(run)
    assert week.at(2, 2, 2) == ALL


def test_each_system_has_one_switch_and_it_is_off(settings):
    sensors = {one.name: one for one in build_defs(settings).sensors}
    nightly = {name: one for name, one in sensors.items() if name.startswith("nightly_")}
    assert set(nightly) == {f"nightly_{system}" for system in SYSTEMS}
    for one in nightly.values():
        assert one.default_status is dg.DefaultSensorStatus.STOPPED
        # A run whose process dies is started once more; one of whose steps failed is not.
        assert one.run_tags["dagster/max_retries"] == "1"
        assert one.run_tags["dagster/retry_on_asset_or_op_failure"] == "false"
