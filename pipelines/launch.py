"""Starting things: Dagster's home, a run of the graph, the web UI."""

import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from assets.store import published
from data.errors import InputError
from data.files.durable import write_bytes
from pipelines.definitions import build_defs
from pipelines.jobs import Launch, launches
from pipelines.recovery import SERVER, end_dead_runs, hold, release
from pipelines.settings import CHECKOUT, Settings


def prepare_home(settings: Settings) -> Path:
    """Make Dagster's home with our configuration in it, and return it.

    Raises:
        InputError: the folder cannot be written to.
    """
    home = settings.dagster_home
    try:
        home.mkdir(parents=True, exist_ok=True)
        write_bytes(home / "dagster.yaml", (CHECKOUT / "pipelines" / "dagster.yaml").read_bytes())
    except OSError as error:
        raise InputError(f"{home}: {error.strerror}; choose another folder with TESSITURA_HOME") from error
    return home


def run_graph(settings: Settings, system: str = "synthesis", variant: str | None = None) -> Path:
    """Materialise the whole branch of a system for one variant and return the report's path.

    It runs in this process, through the same Dagster instance as the web UI, so the runs and their
    history are seen there.

    Raises:
        InputError: no such system or variant, or a run failed; the messages before say why.
    """
    planned, home = launches(system, variant), prepare_home(settings)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        end_dead_runs(instance, home)
        graph = build_defs(settings)
        for launch in planned:
            _run(launch, graph, instance, home)
    return report_path(settings, system)


def _run(launch: Launch, graph: dg.Definitions, instance: dg.DagsterInstance, home: Path) -> None:
    """Run one job in this process.

    Raises:
        InputError: it failed.
    """
    run_id = str(uuid.uuid4())
    lock = hold(home, run_id)
    assert lock is not None, "nobody else knows this id"
    result = graph.resolve_job_def(launch.job).execute_in_process(
        instance=instance,
        run_id=run_id,
        partition_key=launch.partition,
        run_config={"loggers": {"console": {"config": {}}}},
        raise_on_error=False,
    )
    release(home, run_id, lock)
    if not result.success:
        raise InputError(f"{_reasons(result)}; the same command goes on from there")


def _reasons(result: dg.ExecuteInProcessResult) -> str:
    """Return the step that failed first and its innermost reason, on one line."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            # "data.errors.InputError: words" is for developers; the user gets the words.
            words = re.sub(r"^[\w.]+: ", "", " ".join(error.message.split()))
            return f"{event.step_key} failed: {words}"
    return "the run failed"


def report_path(settings: Settings, system: str = "synthesis") -> Path:
    """Return the path of the published report of a system.

    Raises:
        InputError: there is none yet.
    """
    folder = published(settings.store / f"{system}_report")
    if folder is None:
        raise InputError(f"no {system}_report in {settings.store} yet; make it with: tessitura run {system}")
    return folder / "report.html"


def serve(settings: Settings, port: int, execute: Callable[..., None] = os.execve) -> None:
    """Become the Dagster web UI on the loopback address.

    Raises:
        InputError: Dagster is not installed beside this program, or a web UI is open already.
    """
    home = prepare_home(settings)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        end_dead_runs(instance, home)
    # Held through exec, until the server ends.
    if hold(home, SERVER) is None:
        raise InputError(f"{home}: a web UI is open on it already; use that one or end it")
    program = shutil.which("dagster", path=str(Path(sys.executable).parent)) or shutil.which("dagster")
    if program is None:
        raise InputError("the program dagster is missing; set the environment up again with: make clean dev")
    command = [program, "dev", "-w", str(CHECKOUT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    execute(program, command, {**os.environ, "DAGSTER_HOME": str(home), "PYTHONWARNINGS": "ignore"})
