"""Detects runs whose process died, by their locks, and marks them as failed in Dagster.

A killed process cannot report its end. Its run would seem to be running for ever, keep its concurrency slot, and make
the next run wait. Therefore each run of this code location has a tag and holds a lock (`pipelines.execution`,
`pipelines.launch`), which the operating system releases when the process ends. The next command that starts runs or the
web UI marks each run as failed that has the tag but whose lock is free. Runs without the tag were not started by this
project and are left to Dagster.
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
    """Return the Dagster tag that marks a run as one that holds a lock."""
    return {TAG: run_id}


def _path(home: Path, name: str) -> Path:
    """Return the path of the lock file of a run or of the web UI."""
    return home / "alive" / name


def hold(home: Path, name: str) -> int | None:
    """Take an exclusive lock, which survives `exec`.

    Args:
        home: folder in which the lock files are kept.
        name: id of the run, or `SERVER` for the web UI.

    Returns:
        A file descriptor for `release`, or None if another process holds the lock. The lock is released at the latest
        when the process ends.
    """
    descriptor = acquire(_path(home, name))
    if descriptor is not None:
        os.set_inheritable(descriptor, True)
    return descriptor


def release(home: Path, name: str, descriptor: int) -> None:
    """Release a lock that `hold` returned, and delete its file."""
    _path(home, name).unlink(missing_ok=True)
    os.close(descriptor)


def end_dead_runs(instance: dg.DagsterInstance, home: Path) -> list[str]:
    """Mark this project's runs whose process is gone as failed, free their concurrency slots, and return their ids.

    Args:
        instance: Dagster instance.
        home: folder in which the lock files of the runs are kept.
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
