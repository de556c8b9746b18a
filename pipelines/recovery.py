"""Detects runs whose process died, by their locks, and marks them as failed in Dagster.

A killed process cannot report its end. Its run would seem to be running for ever, keep its concurrency slot, and make
the next run wait. Therefore each run of this code location has a tag and holds a lock (`pipelines.execution`,
`pipelines.running`), which the operating system releases when the process ends. The web UI, every few seconds, and the
next command that starts runs or the web UI mark each run as failed that has the tag but whose lock is free. Runs
without the tag were not started by this project and are left to Dagster.
"""

import os
from pathlib import Path

import dagster as dg

from assets.store.locks import acquire, holder
from data.files.durable import naming
from pipelines.settings import Settings

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


def hold(home: Path, name: str, text: str = "") -> int | None:
    """Take an exclusive lock.

    Args:
        home: folder in which the lock files are kept.
        name: id of the run, or `SERVER` for the web UI.
        text: what `held_by` tells others, such as the address of the web UI.

    Returns:
        A file descriptor for `release`, or None if another process holds the lock. The lock is released at the latest
        when the process ends.
    """
    descriptor = acquire(_path(home, name))
    if descriptor is not None:
        try:
            with naming(_path(home, name)):
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, text.encode(), 0)
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def held_by(home: Path, name: str) -> str:
    """Return the text that the holder of a lock gave."""
    return holder(_path(home, name))


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
        # A process writes the end of its run before it ends. So what is unfinished now, under the lock, stays so.
        if _is_unfinished(instance, run.run_id):
            instance.report_run_failed(run, "The process of this run died. Run it again: it goes on where it was.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
        release(home, name, descriptor)
    _tidy(instance, home)
    return ended


def _is_unfinished(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in _UNFINISHED


def _tidy(instance: dg.DagsterInstance, home: Path) -> None:
    """Delete the lock files of runs that have ended and of runs that this instance does not know."""
    for path in (home / "alive").glob("*"):
        if path.name != SERVER and not _is_unfinished(instance, path.name):
            descriptor = hold(home, path.name)
            if descriptor is not None:
                release(home, path.name, descriptor)


@dg.sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=5,
    description="Marks runs as failed whose process was killed, so that they do not keep others waiting.",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Mark the runs as failed whose process is gone."""
    ended = end_dead_runs(context.instance, Settings.read().home)
    return dg.SkipReason(f"ended: {', '.join(ended)}" if ended else "every run under way is alive")
