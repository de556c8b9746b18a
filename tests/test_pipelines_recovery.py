"""A run that was killed does not stand in the way of the next one."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
import uuid
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy.exc import OperationalError
from test_assets_synthesis import python_path
from tiny import write_nsynth
from tiny_forked import Forked

from data.errors import InputError
from pipelines import running
from pipelines.alive import hold
from pipelines.launch import Target, run_graph
from pipelines.recovery import dead_runs, end_dead_runs, tag_of
from pipelines.settings import Settings

PROGRAM = """
import os, signal, sys
from models.training import checkpoint
from models.synthesis import presets as configs
from test_assets_synthesis import TINY
from pipelines import cli
configs.PRESETS["demo"] = TINY
save = checkpoint.Rolling.save
def save_and_end(self, *arguments):
    save(self, *arguments)
    if NUMBER:
        os.kill(os.getpid(), NUMBER)
checkpoint.Rolling.save = save_and_end
cli.main()
"""


def run(home: Path, source: Path, number: int) -> subprocess.CompletedProcess:
    """Run the command line in a process that gets the signal `number` at each checkpoint, none if it is 0."""
    environment = python_path() | {
        "TESSITURA_HOME": str(home),
        "TESSITURA_NSYNTH": str(source),
        "TESSITURA_PRESET": "demo",
    }
    program = PROGRAM.replace("NUMBER", str(int(number)))
    return Forked(program, ["run", "synthesis"], environment).wait()


@pytest.mark.timeout(600)
def test_a_run_that_was_stopped_or_killed_is_ended_and_the_next_one_finishes(tmp_path):
    source = write_nsynth(tmp_path / "nsynth-train", 4, range(60, 68), (25, 127))
    home = tmp_path / "home"
    stopped = run(home, source, signal.SIGTERM)
    assert stopped.returncode == 130, stopped.stderr[-2000:]
    said = r"^synthesis_autoencoder: autoencoder stopped at step \d+; the same command continues$"
    assert re.match(said, stopped.stderr.splitlines()[-1])
    killed = run(home, source, signal.SIGKILL)
    assert killed.returncode == -9, killed.stderr[-2000:]
    after = run(home, source, 0)
    assert after.returncode == 0, after.stderr[-2000:]
    assert Path(after.stdout.strip().removeprefix("report: ")).is_file()
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        runs = instance.get_runs()
        assert [one.status.value for one in runs] == ["SUCCESS", "FAILURE", "CANCELED"]
        # By this the web UI shows them on the page of their job and in the timeline.
        labels = [one.remote_job_origin.repository_origin.get_label() for one in runs]
        assert labels == ["__repository__@tessitura"] * 3
    assert not list((home / "alive").iterdir()), "no lock file is left"
    assert not (home / "failures.jsonl").exists(), "a stop is no failure"


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


@dg.job
def nothing(): ...


def started(instance: dg.DagsterInstance, home: Path) -> tuple[str, int]:
    """A run of ours under way: its id, and the lock that its process holds."""
    run_id = str(uuid.uuid4())
    instance.create_run_for_job(nothing, run_id=run_id, status=dg.DagsterRunStatus.STARTED, tags=tag_of(run_id))
    lock = hold(home, run_id)
    assert lock is not None
    return run_id, lock


def test_only_our_own_runs_whose_process_died_are_ended(tmp_path, instance):
    living, _ = started(instance, tmp_path)
    dying, lock = started(instance, tmp_path)
    foreign = instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED).run_id
    assert end_dead_runs(instance, tmp_path) == []
    os.close(lock)  # as the system does when a process dies
    assert end_dead_runs(instance, tmp_path) == [dying]
    statuses = {run.run_id: run.status.value for run in instance.get_runs()}
    assert statuses == {living: "STARTED", dying: "FAILURE", foreign: "STARTED"}
    assert end_dead_runs(instance, tmp_path) == []


def test_the_web_ui_ends_dead_runs_by_itself(settings, instance):
    dying, lock = started(instance, settings.home)
    assert "alive" in dead_runs(dg.build_sensor_context(instance)).skip_message
    os.close(lock)
    assert dying in dead_runs(dg.build_sensor_context(instance)).skip_message
    assert instance.get_run_by_id(dying).status is dg.DagsterRunStatus.FAILURE
    assert not list((settings.home / "alive").iterdir())


def test_terminating_a_run_of_the_command_line_in_the_web_ui_stops_its_process(tmp_path, instance, monkeypatch):
    monkeypatch.setattr(running, "_LOOK_SECONDS", 0.05)
    run_id, _ = started(instance, tmp_path)
    ask, asked = instance.get_run_by_id, []

    def ask_of_a_database_that_fails_once(run: str) -> object:
        asked.append(run)
        if len(asked) == 1:
            raise OperationalError("SELECT", {}, sqlite3.OperationalError("disk I/O error"))
        return ask(run)

    def terminate_and_wait() -> None:
        instance.report_run_canceling(instance.get_run_by_id(run_id))  # as the web UI does
        monkeypatch.setattr(instance, "get_run_by_id", ask_of_a_database_that_fails_once)
        with running._terminable(instance, run_id):
            time.sleep(60)

    former = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            terminate_and_wait()
    finally:
        signal.signal(signal.SIGTERM, former)


def test_a_failed_run_says_why_in_one_line(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("TESSITURA_NSYNTH", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"nsynth_source failed: /.*nowhere.*the same command goes on") as failed:
        run_graph(Settings.read(), Target.parse("synthesis"))
    assert "\n" not in str(failed.value)
    (line,) = (settings.home / "failures.jsonl").read_text().splitlines()
    assert str(failed.value).startswith(json.loads(line)["reason"])
