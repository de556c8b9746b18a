"""Runs a job of the graph in this process, as a run that the web UI shows among those of the code location.

The run is created with the origin of its job in `workspace.yaml`. Without it the web UI would show the run in the list
of all runs only, and neither on the page of its job nor in the timeline. While it goes on, a thread looks whether it
was terminated in the web UI, which cannot reach a process that it did not start.
"""

import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.workspace.load import location_origins_from_yaml_paths
from sqlalchemy.exc import DatabaseError

from assets.graph import ABLATIONS
from data.errors import InputError, Stopped
from pipelines.alive import hold, release
from pipelines.definitions import build_defs, make_graph
from pipelines.failures import tell_failure, why_failed, why_stopped
from pipelines.recovery import tag_of
from pipelines.settings import CHECKOUT, Settings

_LOOK_SECONDS = 2.0
_CONTINUES = "; the same command continues"
_TERMINATED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class Launch:
    """A Dagster run to be started.

    Attributes:
        job: name of the job.
        config: run configuration.
        partition: partition to make; None if the job has none.
        only: names of the only assets to make; empty for all assets of the job.
    """

    job: str
    config: Mapping[str, Any] = field(default_factory=dict)
    partition: str | None = None
    only: tuple[str, ...] = ()


def run_job(launch: Launch, settings: Settings, instance: dg.DagsterInstance) -> None:
    """Run a job in this process, one step after another, to its end.

    Args:
        launch: what to run.
        settings: the settings, such as the preset and the data.
        instance: Dagster instance.

    Raises:
        InputError: the run failed; the message names the step, the reason and the remedy. failures.jsonl has it too.
        Stopped: the run was stopped; the message names the step of the training.

    Example:
        >>> run_job(Launch("synthesis"), settings, instance)
    """
    job = build_defs(settings, pooled=False).resolve_job_def(launch.job).with_executor_def(dg.in_process_executor)
    named, run_id = make_graph(settings), str(uuid.uuid4())
    partition = {}
    if launch.partition is not None:
        named.ask(instance, launch.job.removesuffix(f"_{ABLATIONS}"), [launch.partition])
        partition = job.get_tags_for_partition_key(launch.partition, None)
    lock = hold(settings.home, run_id)
    assert lock is not None, "nobody else knows this id"
    try:
        run = instance.create_run_for_job(
            job,
            run_id=run_id,
            run_config={"loggers": {"console": {"config": {}}}, **launch.config},
            tags={**job.run_tags, **partition, **tag_of(run_id)},
            asset_selection={named.key(name) for name in launch.only} or None,
            remote_job_origin=origin_of(launch.job),
        )
        with _terminable(instance, run_id):
            result = execute_run(InMemoryJob(job), run, instance)
    except KeyboardInterrupt as error:
        raise Stopped(f"stopped between two steps{_CONTINUES}") from error
    finally:
        release(settings.home, run_id, lock)
    if result.dagster_run.status in _TERMINATED:
        raise Stopped(f"{why_stopped(result.all_events)}{_CONTINUES}")
    if not result.success:
        reason = why_failed(result.all_events)
        if unsent := tell_failure(settings, launch.job, run_id, reason):
            print(unsent, file=sys.stderr)
        raise InputError(f"{reason}; the same command goes on from there")


def origin_of(job: str) -> RemoteJobOrigin:
    """Return the origin of a job, by which the web UI knows the runs of the job."""
    (location,) = location_origins_from_yaml_paths([str(CHECKOUT / "workspace.yaml")])
    return RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME).get_job_origin(job)


@contextmanager
def _terminable(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Context manager that sends SIGTERM to this process once its run was terminated in the web UI.

    It leaves the handler of SIGTERM as it was. Dagster leaves that of SIGINT, which background jobs of a shell ignore.
    """
    done, former = threading.Event(), signal.getsignal(signal.SIGTERM)

    def look() -> None:
        while not done.wait(_LOOK_SECONDS):
            run = None
            with suppress(DatabaseError):  # the run itself tells what is wrong with the database, if it lasts
                run = instance.get_run_by_id(run_id)
            if run is not None and run.status in _TERMINATED and not done.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=look, name="look for termination", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        if former is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, former)
