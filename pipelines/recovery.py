"""Runs whose process died: told apart by locks that the system drops with a process, and ended in Dagster.

A killed process cannot say goodbye. Its run would pass for running for ever, keep its place among the trainings
and make the next run wait. So each run of this code location carries a tag and holds a lock (`pipelines.execution`,
`pipelines.launch`). A run with the tag whose lock is free is ended by whoever comes next. Runs without the tag
belong to somebody else and are left to Dagster.
"""

import os
from pathlib import Path

import dagster as dg

from assets.store.locks import acquire

TAG = "tessitura/lock"
_UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
SERVER = "server"


def tag_of(run_id: str) -> dict[str, str]:
    """Return the tag of a run that holds its lock."""
    return {TAG: run_id}


def _path(home: Path, name: str) -> Path:
    return home / "alive" / name


def hold(home: Path, name: str) -> int | None:
    """Lock `name` for as long as this process lives, also through `exec`; None if another process holds it.

    The lock ends when the returned descriptor is closed, at the latest with the process.
    """
    descriptor = acquire(_path(home, name))
    if descriptor is not None:
        os.set_inheritable(descriptor, True)
    return descriptor


def release(home: Path, name: str, descriptor: int) -> None:
    """Give up a lock and its file."""
    _path(home, name).unlink(missing_ok=True)
    os.close(descriptor)


def end_dead_runs(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Report our runs whose process is gone as failed, free their places, and return their ids.

    Args:
        instance: Dagster's.
        home: the folder that keeps the locks of runs.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        name = run.tags.get(TAG)
        descriptor = hold(home, name) if name is not None else None
        if name is None or descriptor is None:
            continue
        instance.report_run_failed(run, "The process of this run died. Run it again: it goes on where it was.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        release(home, name, descriptor)
        ended.append(run.run_id)
    return ended
