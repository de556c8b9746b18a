"""Starts runs of the graph and the web UI, and prepares Dagster's home."""

import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assets.environment import Configuration
from assets.experiments import RESOURCE
from assets.graph import ABLATIONS
from assets.store.pointers import find
from data.errors import InputError
from data.files.durable import write_bytes
from pipelines.definitions import build_defs, make_graph
from pipelines.jobs import System, find_system
from pipelines.recovery import SERVER, end_dead_runs, hold, release, tag_of
from pipelines.settings import CHECKOUT, FROZEN, Settings


def prepare_home(settings: Settings) -> Path:
    """Create Dagster's home with the project's dagster.yaml, unless it has one already, and return the folder.

    Raises:
        InputError: the folder cannot be written to.
    """
    home = settings.dagster_home
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            write_bytes(home / "dagster.yaml", (CHECKOUT / "pipelines" / "dagster.yaml").read_bytes())
    except OSError as error:
        setting = "DAGSTER_HOME" if "DAGSTER_HOME" in os.environ else "TESSITURA_HOME"
        raise InputError(f"{home}: {error.strerror}; choose another folder with {setting}") from error
    return home


@dataclass(frozen=True)
class Target:
    """What is to be made: a system, one of its variants, or an experiment with it.

    Attributes:
        system: the system.
        variant: name of an ablation variant; "" for the main variant.
        experiment: name of an experiment; "" for the system in use.
        overrides: overrides of the experiment: new values of configuration fields by dotted path.
    """

    system: System
    variant: str = ""
    experiment: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(
        cls, system: str, variant: str | None = None, experiment: str = "", overrides: Mapping[str, Any] | None = None
    ) -> "Target":
        """Return a target from what the user entered.

        Args:
            system: name of the system.
            variant: name of a variant; None for the main variant.
            experiment: name of an experiment; "" for the system in use.
            overrides: overrides of the experiment.

        Raises:
            InputError: there is no such system or variant, an experiment has a variant, or overrides have no
                experiment.

        Example:
            >>> Target.parse("synthesis", experiment="longer", overrides={"fine_tune.steps": 2000})
        """
        known = find_system(system)
        if variant is not None and variant not in known.variants:
            raise InputError(f"{variant!r} is no variant of {system}; there are {', '.join(known.variants)}")
        row = "" if variant in (None, known.variants[0]) else str(variant)
        if row and experiment:
            raise InputError("an experiment is of the main variant; leave the variant out")
        if overrides and not experiment:
            raise InputError("overrides make an experiment; give it a name with --experiment")
        return cls(known, row, experiment, overrides or {})

    def launches(self) -> "list[Launch]":
        """Return the runs that are needed, in order.

        An experiment needs the data sets first. A variant needs the main system first, and the report again afterwards.
        """
        report = f"{self.system.name}_report"
        if self.experiment:
            changes = {"name": self.experiment, "overrides": dict(self.overrides)}
            config = {"resources": {RESOURCE: {"config": changes}}}
            return [
                Launch(self.system.name, only=(*self.system.needs, self.system.data)),
                Launch(f"{self.system.name}_experiment", config),
            ]
        whole = Launch(self.system.name)
        if not self.variant:
            return [whole]
        return [
            whole,
            Launch(f"{self.system.name}_{ABLATIONS}", partition=self.variant),
            Launch(whole.job, only=(report,)),
        ]


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


def run_graph(settings: Settings, target: Target) -> Path:
    """Run everything that a target needs in this process, and return the path of the report.

    The runs use the same Dagster instance as the web UI, so they and their history appear there.

    Args:
        settings: the settings, such as the preset and the data.
        target: what to make.

    Raises:
        InputError: a run failed; the message names the step and the reason.

    Example:
        >>> run_graph(Settings.read(), Target.parse("synthesis"))
    """
    home = prepare_home(settings)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        end_dead_runs(instance, settings.home)
        graph = build_defs(settings)
        for launch in target.launches():
            _run(launch, graph, instance, settings)
    return report_path(settings, target.system.name, target.experiment)


def _run(launch: Launch, graph: dg.Definitions, instance: dg.DagsterInstance, settings: Settings) -> None:
    """Run one job in this process.

    Raises:
        InputError: the run failed; the message names the step and the reason.
    """
    run_id = str(uuid.uuid4())
    lock = hold(settings.home, run_id)
    assert lock is not None, "nobody else knows this id"
    job = graph.resolve_job_def(launch.job)
    named = make_graph(settings)
    only = [named.key(name) for name in launch.only] or None
    try:
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            partition_key=launch.partition,
            asset_selection=only,
            tags=tag_of(run_id),
            run_config={"loggers": {"console": {"config": {}}}, **launch.config},
            raise_on_error=False,
        )
    finally:
        release(settings.home, run_id, lock)
    if not result.success:
        raise InputError(f"{_reasons(result)}; the same command goes on from there")


def _reasons(result: dg.ExecuteInProcessResult) -> str:
    """Return one line with the step that failed first and the innermost cause of its error."""
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            # Without the name of the exception in front ("data.errors.InputError: "), which is for developers.
            words = re.sub(r"^[\w.]+: ", "", " ".join(error.message.split()))
            return f"{event.step_key} failed: {words}"
    return "the run failed"


def report_path(settings: Settings, system: str, experiment: str = "") -> Path:
    """Return the path of the HTML report of a system, or of an experiment with it.

    Raises:
        InputError: there is no such system, or no report yet.
    """
    name = f"{find_system(system).name}_report"
    graph = make_graph(settings)
    slot = graph.registry.assets[name].slot(Configuration(graph.environment), experiment)
    folder = find(slot)
    if folder is None:
        raise InputError(f"no {slot.name} in {settings.store} yet; make it with: tessitura run {system}")
    return folder / "report.html"


def serve(settings: Settings, port: int, execute: Callable[..., None] = os.execve) -> None:
    """Replace this process by the Dagster web UI on 127.0.0.1, with the present settings.

    Args:
        settings: the settings, which the web UI and its runs will use.
        port: TCP port.
        execute: function that replaces the process, with the arguments of `os.execve`.

    Raises:
        InputError: the program dagster is not found, or a web UI is already open on this home.
    """
    home = prepare_home(settings)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        end_dead_runs(instance, settings.home)
    # The lock is inherited through exec and held until the server ends.
    if hold(settings.home, SERVER) is None:
        raise InputError(f"{settings.home}: a web UI is open on it already; use that one or end it")
    program = shutil.which("dagster", path=str(Path(sys.executable).parent)) or shutil.which("dagster")
    if program is None:
        raise InputError("the program dagster is missing; set the environment up again with: make clean dev")
    command = [program, "dev", "-w", str(CHECKOUT / "workspace.yaml"), "-h", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "DAGSTER_HOME": str(home), FROZEN: settings.frozen(), "PYTHONWARNINGS": "ignore"}
    execute(program, command, environment)
