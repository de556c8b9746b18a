"""Runs everything that a target needs, and prepares Dagster's home."""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from sqlalchemy.exc import DatabaseError

from assets.environment import Configuration
from assets.experiments import RESOURCE
from assets.graph import ABLATIONS
from assets.store.pointers import find
from data.errors import InputError, explain
from data.files.durable import write_bytes
from pipelines.definitions import make_graph
from pipelines.jobs import SYSTEMS, System, find_system
from pipelines.planning.room import check_room
from pipelines.recovery import end_dead_runs
from pipelines.running import Launch, run_job
from pipelines.settings import CHECKOUT, Settings

LAPTOP = CHECKOUT / "pipelines" / "homes" / "laptop" / "dagster.yaml"
_LEAST_ROOM = 1 << 20  # bytes; SQLite needs files of some 32 kB beside each database that it opens


def prepare_home(settings: Settings) -> Path:
    """Create Dagster's home with the dagster.yaml of a laptop, unless it has one already, and return the folder.

    Raises:
        InputError: the folder cannot be written to.
    """
    home = settings.dagster_home
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not (home / "dagster.yaml").exists():
            write_bytes(home / "dagster.yaml", LAPTOP.read_bytes())
    except OSError as error:
        setting = "DAGSTER_HOME" if "DAGSTER_HOME" in os.environ else "TESSITURA_HOME"
        raise InputError(f"{explain(error)}, or choose another folder with {setting}") from error
    return home


def prepare_instance(settings: Settings) -> Path:
    """Create Dagster's home and its databases, end the runs whose process was killed, and return the folder.

    Raises:
        InputError: the folder cannot be written to, or a database in it is damaged.
    """
    home = prepare_home(settings)
    with _readable(home), dg.DagsterInstance.from_config(str(home)) as instance:
        end_dead_runs(instance, settings.home)
        _ask_again(settings, instance)
    return home


def _ask_again(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Make partitions of the variants that the store has, which a new or another Dagster home does not know."""
    graph = make_graph(settings)
    for system in SYSTEMS:
        assets = [one for one in graph.registry.assets.values() if one.group == system]
        made = [name for one in assets for name in one.variants
                if one.slot(Configuration(graph.environment, name)).pointer.is_file()]  # fmt: skip
        graph.ask(instance, system, dict.fromkeys(made))


@contextmanager
def _readable(home: Path) -> Iterator[None]:
    """Context manager for work with Dagster's instance: a database that cannot be used is told in one line.

    Raises:
        InputError: a database is damaged or cannot be written; the message names the file, if it can be told.
    """
    try:
        yield
    except DatabaseError as error:
        # On a full disk SQLite cannot map its shared memory: an error of input and output, by which all looks damaged.
        if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_FULL" or shutil.disk_usage(home).free < _LEAST_ROOM:
            raise InputError(f"{home}: no space left for Dagster's database; free space on that disk") from error
        damaged = [str(path) for path in sorted(home.rglob("*.db")) if not _is_database(path)]
        if not damaged:
            raise InputError(
                f"{home}: Dagster's database cannot be used ({error.orig}); see that the disk is not full and that "
                "this user may write there"
            ) from error
        raise InputError(
            f"{', '.join(damaged)}: Dagster's database is damaged ({error.orig}); move it away: the history begins "
            "anew, and nothing that was made is lost"
        ) from error


def _is_database(path: Path) -> bool:
    """Return whether SQLite finds no damage in a file."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error:
        return False


@dataclass(frozen=True)
class Target:
    """What is to be made: a system, one of its variants, or an experiment with it.

    Attributes:
        system: the system.
        variant: name of an ablation variant; "" for the main variant.
        experiment: name of an experiment; "" for the system in use.
        overrides: overrides of the experiment: new values of configuration fields by dotted path.
        only: names of the only assets to make; empty for everything.
    """

    system: System
    variant: str = ""
    experiment: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()

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

    def launches(self) -> list[Launch]:
        """Return the runs that are needed, in order.

        An experiment needs the data sets first. A variant needs the main system first, and the report again afterwards.

        Raises:
            InputError: only some assets of a variant or an experiment are wanted.
        """
        if self.only and (self.variant or self.experiment):
            raise InputError("a variant or an experiment is made whole; leave --only out")
        report = f"{self.system.name}_report"
        if self.experiment:
            changes = {"name": self.experiment, "overrides": dict(self.overrides)}
            config = {"resources": {RESOURCE: {"config": changes}}}
            return [
                Launch(self.system.name, only=(*self.system.needs, self.system.data)),
                Launch(f"{self.system.name}_experiment", config),
            ]
        whole = Launch(self.system.name, only=self.only)
        if not self.variant:
            return [whole]
        return [
            whole,
            Launch(f"{self.system.name}_{ABLATIONS}", partition=self.variant),
            Launch(whole.job, only=(report,)),
        ]


def run_graph(settings: Settings, target: Target) -> Path | None:
    """Run everything that a target needs in this process, and return the path of the report, if that is made too.

    The runs use the same Dagster instance as the web UI, so they and their history appear there.

    Args:
        settings: the settings, such as the preset and the data.
        target: what to make.

    Raises:
        InputError: a run failed; the message names the step, the reason and the remedy. Or the target names an asset
            that the system has not, or what it still has to write does not fit the disk.
        Stopped: a run was stopped by a signal, or terminated in the web UI.

    Example:
        >>> run_graph(Settings.read(), Target.parse("synthesis"))
    """
    graph = make_graph(settings)
    known = target.system.names(graph) if target.only else ()
    if unknown := [name for name in target.only if name not in known]:
        raise InputError(f"{unknown[0]!r} is no asset of {target.system.name}; there are {', '.join(known)}")
    if not target.only:
        check_room(graph, [target.system.name])
    home = prepare_instance(settings)
    with _readable(home), dg.DagsterInstance.from_config(str(home)) as instance:
        for launch in target.launches():
            run_job(launch, settings, instance)
    if target.only and f"{target.system.name}_report" not in target.only:
        return None
    return report_path(settings, target.system.name, target.experiment)


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
        raise InputError(f"no {slot.name} in {settings.store_folder} yet; make it with: tessitura run {system}")
    return folder / "report.html"
