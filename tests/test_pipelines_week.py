"""A week of nights with real runs: what is stale is made and nothing else, judged, promoted or kept, reported.

The clock is the test's, and so is what arrives. A late ingest, a night that fails, a night without change and a night
that is interrupted are among the seven.
"""

import json
import time
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from test_pipelines_nightly import Week
from test_pipelines_notices import hook  # noqa: F401 (a fixture)
from tiny_assets import Known

from assets.declaration import FORMER, Audit, Decision, Finding, Registry, Source, Summary, Work, stored_asset
from assets.graph import Graph
from assets.store.pointers import find
from data.errors import InputError
from data.files.durable import write_bytes
from pipelines.failures import tell_failure, why_failed
from pipelines.nightly import asset_condition, source_condition
from pipelines.reports.folder import exported
from pipelines.reports.run import show_report

__name__ = "assets.week.stages"  # the functions below stand in a room of their own, the group "week"
NOW: dict = {}
SOURCE = Source("recordings", "From outside.", "nsynth", lambda _: NOW["arrived"], lambda *_: NOW["arrived"])
WHOLE = Audit("whole", "Is there something?", lambda folder, _: Finding((folder / "out").stat().st_size > 0, {}, ""))


@stored_asset(files=["out"], kinds={"python"}, source=SOURCE, audits=(WHOLE,))
def week_data(work: Work, recordings: str) -> Summary:
    """Data."""
    write_bytes(work.execution.folder / "out", recordings.encode())
    return {}


@stored_asset(files=["out"], kinds={"python"}, trains=True)
def week_model(work: Work, week_data: Path) -> Summary:
    """A model, which is as good as the last figure of its data."""
    if NOW["breaks"] is not None:
        raise NOW["breaks"]
    write_bytes(work.execution.folder / "out", (week_data / "out").read_bytes()[-1:])
    return {}


def _decide(run, inputs, former: Path | None) -> Decision:
    """Promote a model that is better than the champion."""
    own = (inputs["week_model"] / "out").read_bytes()
    promoted = former is None or own > (former / "out").read_bytes()
    return Decision(promoted, {"promoted": promoted})


@stored_asset(files=["out"], kinds={"python"}, decide=_decide)
def week_champion(work: Work, week_model: Path) -> Summary:
    """The best model so far."""
    assert FORMER in work.inputs
    write_bytes(work.execution.folder / "out", (week_model / "out").read_bytes())
    return {}


@stored_asset(files=["report.html"], kinds={"html"})
def week_report(work: Work, week_model: Path, week_champion: Path) -> Summary:
    """A report."""
    words = [f"{one.parent.parent.name} {(one / 'out').read_text()}" for one in (week_model, week_champion)]
    write_bytes(work.execution.folder / "report.html", "; ".join(words).encode())
    return {}


ASSETS = {"week_data": week_data, "week_model": week_model, "week_champion": week_champion, "week_report": week_report}
OBSERVED, ALL, LATER = {"recordings"}, set(ASSETS), set(ASSETS) - {"week_data"}


class RealWeek(Week):
    """The week of the small system, whose runs may fail and whose reports are exported."""

    def __init__(self, settings, instance: dg.DagsterInstance) -> None:
        self.settings = settings
        super().__init__(settings.environment(), instance)

    def _graph(self) -> Graph:
        deliver = partial(show_report, self.settings)
        automation = lambda name: source_condition() if name == "recordings" else asset_condition()  # noqa: E731
        return Graph(Registry(ASSETS), self.environment, Known(), automation, deliver)

    def make(self, names: set[str]) -> None:
        if names:
            keys = dg.AssetSelection.assets(*(self.graph.key(name) for name in names))
            result = dg.materialize(
                self.graph.definitions(), selection=keys, instance=self.instance, raise_on_error=False
            )
            self.made.append({one.asset_key.path[-1] for one in result.get_asset_materialization_events()})
            if not result.success and result.dagster_run.status is dg.DagsterRunStatus.FAILURE:
                tell_failure(self.settings, "nightly", result.run_id, why_failed(result.all_events))

    def night(self, day: int) -> list[set[str]]:
        self.made: list[set[str]] = []
        return super().night(day)

    def current(self, name: str) -> str:
        """Return the content of the current version of an asset."""
        folder = find(ASSETS[name].slot(self.configuration()))
        assert folder is not None
        return (folder / ("report.html" if name == "week_report" else "out")).read_text()

    def configuration(self):
        from assets.environment import Configuration  # noqa: PLC0415

        return Configuration(self.environment)

    def reports(self) -> list[str]:
        """Return the pages of all exported reports, in the order in which they were exported."""
        folders = sorted(
            (one.folder for one in exported(self.settings.report_folder)), key=lambda one: one.stat().st_mtime_ns
        )
        return [(one / "report.html").read_text() for one in folders]


@pytest.fixture
def week(settings, monkeypatch, hook):  # noqa: F811
    NOW.update(arrived="monday 5", breaks=None)
    known = settings.model_copy(update={"nsynth": "/somewhere", "notify": f"http://127.0.0.1:{hook.server_port}/night"})
    with dg.DagsterInstance.ephemeral() as instance:
        week = RealWeek(known, instance)
        monkeypatch.setattr(time, "time", lambda: week.now)  # Dagster's events bear the time of the simulation
        yield week


def test_seven_nights(week, hook):  # noqa: F811
    assert week.night(3) == [OBSERVED, ALL], "the first night makes everything"
    assert week.current("week_report") == "week_model 5; week_champion 5"
    assert len(week.reports()) == 1

    assert week.night(4) == [OBSERVED], "a night without change"
    assert len(week.reports()) == 1

    NOW["arrived"] = "wednesday 7"
    assert week.night(5) == [OBSERVED, ALL]
    assert week.current("week_report") == "week_model 7; week_champion 7", "the better model is promoted"

    # A late ingest: the source is looked at in vain, because it takes until 5 o'clock; then there is time until 6.
    NOW["arrived"] = "thursday 6"
    assert week.at(6, 2) == OBSERVED
    assert week.at(6, 4) == set(), "nothing is made of sources that were not looked at tonight"
    week.at(6, 5)
    week.made = []
    week.make(OBSERVED)
    assert week.at(6, 5, 1) == ALL
    week.make(ALL)
    assert week.current("week_report") == "week_model 6; week_champion 7", (
        "the champion is kept, and the report says so"
    )
    assert len(week.reports()) == 3
    NOW["arrived"] = "too late for tonight 8"
    assert [week.at(6, 5, 30), week.at(6, 7), week.at(6, 23)] == [set(), set(), set()]

    NOW["breaks"] = InputError("the loss is NaN; set a smaller learning rate")
    assert week.night(7) == [OBSERVED, ALL], "a failing night is not tried again before the next"
    assert week.made[-1] == {"week_data"}
    assert week.current("week_report") == "week_model 6; week_champion 7", "what was good stays in use"
    (line,) = (week.settings.home / "failures.jsonl").read_text().splitlines()
    ((_, notice),) = hook.got
    assert notice["reason"] == json.loads(line)["reason"]
    assert "week_model failed: the loss is NaN; set a smaller learning rate" in notice["reason"]

    NOW["breaks"] = None
    assert week.night(8) == [OBSERVED, LATER], "the data are not made again"
    assert week.current("week_report") == "week_model 8; week_champion 8"

    NOW.update(arrived="sunday 9", breaks=KeyboardInterrupt("stopped at step 3"))
    assert week.night(9) == [OBSERVED, ALL]
    assert week.made[-1] == {"week_data"}
    assert len(hook.got) == 1, "a stop is no failure"

    NOW["breaks"] = None
    assert week.night(10) == [OBSERVED, LATER], "the interrupted night goes on where it was"
    assert week.reports()[-1] == "week_model 9; week_champion 9"
    assert week.night(11) == [OBSERVED]
    assert len(week.reports()) == 5
