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
from data.durable import write_bytes
from data.errors import InputError
from models.synthesis.config import VARIANTS
from pipelines.definitions import build_defs
from pipelines.jobs import MAIN, synthesis
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


def run_graph(settings: Settings, variant: str = MAIN) -> Path:
    """Materialise the whole graph for one variant and return the report's path.

    It runs in this process, through the same Dagster instance as the web UI, so the run and its
    history are seen there.

    Raises:
        InputError: no such variant, or the run failed; the messages before say why.
    """
    if variant not in VARIANTS:
        raise InputError(f"{variant!r} is no variant; there are {', '.join(VARIANTS)}")
    home, run_id = prepare_home(settings), str(uuid.uuid4())
    with dg.DagsterInstance.from_config(str(home)) as instance:
        end_dead_runs(instance, home)
        lock = hold(home, run_id)
        assert lock is not None, "nobody else knows this id"
        job = build_defs(settings).resolve_job_def(synthesis.name)
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            partition_key=variant,
            run_config={"loggers": {"console": {"config": {}}}},
            raise_on_error=False,
        )
        release(home, run_id, lock)
    if not result.success:
        raise InputError(f"{_reasons(result)}; the same command goes on from there")
    return report_path(settings)


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


def report_path(settings: Settings) -> Path:
    """Return the path of the published synthesis report.

    Raises:
        InputError: there is none yet.
    """
    folder = published(settings.store / "synthesis_report")
    if folder is None:
        raise InputError(f"no report in {settings.store} yet; materialise synthesis_report, or run: tessitura demo")
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
