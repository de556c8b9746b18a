"""Dagster's programs as processes on one home: a schedule, a backfill that fails in part, a daemon that is killed.

The code server, the web server and the daemon are started as `tessitura dev` starts them; what is asked of them is
asked as the web UI does, by GraphQL.
"""

import json
import os
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import requests
from tiny_homes import free_port
from tiny_live import VARIANTS
from tiny_web_ui import PATIENCE, ROOT, _heed, until

from pipelines import services
from pipelines.launch import prepare_home
from pipelines.settings import Settings

pytestmark = pytest.mark.timeout(3600)  # each condition has a patience of its own (`tiny_web_ui.PATIENCE`)
SCHEDULE = {
    "repositoryLocationName": services.LOCATION,
    "repositoryName": "__repository__",
    "scheduleName": "monthly_digest",
}
KEY = ["demo", "ablations", "tiny_model"]
START = "mutation ($one: ScheduleSelector!) { startSchedule(scheduleSelector: $one) { __typename } }"
STOP = "mutation ($id: String!) { stopRunningSchedule(id: $id) { __typename } }"
BACKFILL = """mutation ($asked: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $asked) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""


class Live:
    """The three programs on a home."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder, self.port = home, folder, free_port()
        kept = {name: one for name, one in os.environ.items() if not name.startswith(("TESSITURA_", "DAGSTER_"))}
        self._environment = {
            **kept,
            "TESSITURA_HOME": str(home),
            "TESSITURA_REPORTS": str(home / "reports"),
            "DAGSTER_HOME": str(home / "dagster"),
            "DAGSTER_GRPC_TIMEOUT_SECONDS": f"{PATIENCE:.0f}",
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests"), str(ROOT)]),
        }
        self.log = open(home / "log", "w")  # noqa: SIM115 (as long as the programs)
        self.programs: dict[str, subprocess.Popen] = {}

    def start(self, name: str, command: list[str]) -> None:
        command = ["tiny_live" if one == services.MODULE else one for one in command]
        self.programs[name] = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=self.log, stderr=self.log, start_new_session=True,
            preexec_fn=_heed,  # noqa: PLW1509 (one thread)
        )  # fmt: skip

    def start_daemon(self) -> None:
        self.start("daemon", services.daemon(self.folder))

    def kill(self, name: str, number: int) -> None:
        """Send a signal to a program and all its children, and wait for its end."""
        program = self.programs.pop(name)
        os.killpg(program.pid, number)
        program.wait(PATIENCE)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the answer to a GraphQL query."""
        address = f"http://127.0.0.1:{self.port}/graphql"
        answer = requests.post(address, json={"query": query, "variables": variables}, timeout=PATIENCE).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def ready(self) -> bool:
        for name, one in self.programs.items():
            assert one.poll() is None, f"{name}: {(self.home / 'log').read_text()[-3000:]}"
        try:
            return bool(self.ask("{ assetNodes { id } }")["assetNodes"])
        except (requests.RequestException, KeyError):
            return False

    def backfill(self, *variants: str) -> str:
        """Ask for variants, as the web UI does, and return the id of the backfill."""
        asked = {"selector": None, "assetSelection": [{"path": KEY}], "partitionNames": list(variants)}
        answer = self.ask(BACKFILL, asked={name: one for name, one in asked.items() if one})["launchPartitionBackfill"]
        return answer["backfillId"]

    def runs(self, backfill: str) -> dict[str, str]:
        """Return the status of each run of a backfill, by its partition."""
        query = """query ($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { ... on Runs { results {
            status tags { key value } } } } }"""
        tags = [{"key": "dagster/backfill", "value": backfill}]
        found = self.ask(query, tags=tags)["runsOrError"]["results"]
        labels = [{one["key"]: one["value"] for one in run["tags"]} for run in found]
        return {tags["dagster/partition"]: run["status"] for tags, run in zip(labels, found, strict=True)}

    def made(self) -> Counter[str]:
        """Return how often the work of each variant was begun."""
        path = self.home / "made"
        return Counter(path.read_text().split() if path.is_file() else [])

    def content(self, variant: str) -> str | None:
        """Return what the store holds of a variant."""
        pointer = self.home / "store" / "demo" / "tiny_model" / "current" / variant
        if not pointer.is_file():
            return None
        return (pointer.parent.parent / "versions" / pointer.read_text() / "out").read_text()


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> Iterator[Live]:
    home = tmp_path_factory.mktemp("live") / "home"
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        for name in [name for name in os.environ if name.startswith(("TESSITURA_", "DAGSTER_"))]:
            patch.delenv(name)
        patch.setitem(Settings.model_config, "env_file", None)
        patch.setenv("TESSITURA_HOME", str(home))
        prepare_home(Settings.read())
        with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
            instance.add_dynamic_partitions("demo_tiny_variants", VARIANTS)
        services.prepare(Path(folder))
        found = Live(home, Path(folder))
        try:
            found.start("code", services.code_server(found.folder))
            found.start("web", services.web_server(found.folder, "127.0.0.1", found.port))
            found.start_daemon()
            until(found.ready, "the web server answers")
            yield found
        finally:
            for name in [*found.programs]:
                found.kill(name, signal.SIGTERM)
            found.log.close()


def schedule(live: Live) -> dict[str, Any]:
    """Return the state of the schedule, with its ticks."""
    query = """query ($one: ScheduleSelector!) { scheduleOrError(scheduleSelector: $one) { ... on Schedule {
        scheduleState { id status ticks { timestamp status runIds } } } } }"""
    return live.ask(query, one=SCHEDULE)["scheduleOrError"]["scheduleState"]


def digests(live: Live) -> Counter[str]:
    """Return how many runs of the digest have each status."""
    query = """{ runsOrError(filter: {pipelineName: "digest"}) { ... on Runs { results { status } } } }"""
    return Counter(one["status"] for one in live.ask(query)["runsOrError"]["results"])


def test_a_schedule_that_is_turned_on_runs_each_minute_once(live):
    """Also across a restart of the daemon: no minute is run twice, and the digest of the month is there."""
    assert schedule(live)["status"] == "STOPPED", "off until it is turned on"
    live.ask(START, one=SCHEDULE)
    until(lambda: digests(live), "a first digest")
    live.kill("daemon", signal.SIGTERM)
    seen = digests(live).total()
    live.start_daemon()
    until(lambda: digests(live).total() > seen, "a digest after the restart")
    live.ask(STOP, id=schedule(live)["id"])
    until(lambda: set(digests(live)) == {"SUCCESS"}, "the digests end")
    found = [one for one in schedule(live)["ticks"] if one["runIds"]]
    minutes = [int(one["timestamp"]) // 60 for one in found]
    assert len(minutes) == len(set(minutes)) == sum(len(one["runIds"]) for one in found) == digests(live).total()
    assert {one["status"] for one in found} == {"SUCCESS"}
    assert len(list((live.home / "reports" / "digests").glob("*-demo.html"))) == 1


def test_a_backfill_with_a_partition_that_fails(live):
    """The others are made, the one that fails is named, and it is repeated alone."""
    (live.home / "broken").touch()
    wanted = ("plain", "broken", "wider")
    backfill = live.backfill(*wanted)
    final = {"SUCCESS", "FAILURE"}
    until(lambda: (found := live.runs(backfill)).keys() == set(wanted) and set(found.values()) <= final, "the runs end")
    assert live.runs(backfill) == {"plain": "SUCCESS", "broken": "FAILURE", "wider": "SUCCESS"}
    query = "query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }"
    asked = {"query": query, "id": backfill}
    until(lambda: live.ask(**asked)["partitionBackfillOrError"]["status"] == "COMPLETED_FAILED", "the backfill ends")
    assert {one: live.content(one) for one in wanted} == {"plain": "plain", "broken": None, "wider": "wider"}
    path = live.home / "failures.jsonl"
    until(path.is_file, "the failure is noted")
    (line,) = path.read_text().splitlines()
    reason = f"tiny_model failed: {live.home / 'broken'}: is there; take it away"
    assert json.loads(line)["reason"].startswith(reason)

    (live.home / "broken").unlink()
    again = live.backfill("broken")
    until(lambda: live.runs(again) == {"broken": "SUCCESS"}, "the partition that failed is made alone")
    assert live.content("broken") == "broken"
    assert {one: live.made()[one] for one in wanted} == {"plain": 1, "broken": 2, "wider": 1}


def test_a_daemon_that_is_killed_loses_and_repeats_nothing(live):
    """A run that is under way goes on without it; one that waits in the queue is started by the next daemon."""
    (live.home / "slow").touch()
    before = live.made()
    backfill = live.backfill("first", "second")

    def one_by_one() -> bool:
        return sorted(live.runs(backfill).values()) == ["QUEUED", "STARTED"] and live.made() != before

    until(one_by_one, "one run is under way, the other one waits")
    (running,) = [one for one, status in live.runs(backfill).items() if status == "STARTED"]
    live.kill("daemon", signal.SIGKILL)
    (live.home / "slow").unlink()
    until(lambda: live.runs(backfill)[running] == "SUCCESS", "the run ends without a daemon")
    assert sorted(live.runs(backfill).values()) == ["QUEUED", "SUCCESS"]
    live.start_daemon()
    until(lambda: set(live.runs(backfill).values()) == {"SUCCESS"}, "the next daemon starts the other one")
    assert live.made() - before == Counter({"first": 1, "second": 1})
    assert (live.content("first"), live.content("second")) == ("first", "second")
