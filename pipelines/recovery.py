"""Runs whose process died: told apart by locks that the system drops with a process, and ended in Dagster.

A killed process cannot say goodbye. Its run would pass for running for ever, keep its place among
the trainings and make the nightly schedule wait. So each run of the command line holds a lock of
its own, the web UI holds one for the runs it starts, and whoever comes next looks who is gone.
"""

import fcntl
import os
from pathlib import Path

import dagster as dg

_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
SERVER = "server"


def hold(home: Path, name: str) -> int | None:
    """Lock `name` for as long as this process lives, also through `exec`; None if another holds it.

    The lock ends when the returned descriptor is closed, at the latest with the process.
    """
    folder = home / "alive"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.set_inheritable(descriptor, True)
    return descriptor


def release(home: Path, name: str, descriptor: int) -> None:
    """Give up a lock and its file."""
    (home / "alive" / name).unlink(missing_ok=True)
    os.close(descriptor)


def end_dead_runs(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Report runs whose process is gone as failed, free their places, and return their ids."""
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        name = run.run_id if (home / "alive" / run.run_id).exists() else SERVER
        descriptor = hold(home, name)
        if descriptor is None:
            continue
        instance.report_run_failed(run, "The process of this run died. Run it again: it goes on where it was.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        release(home, name, descriptor)
        ended.append(run.run_id)
    return ended
