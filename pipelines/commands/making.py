"""Commands that make results (the demo, a system, an experiment), and the command that starts the web UI."""

import json
import os
import sys
from dataclasses import replace
from typing import Annotated, Any

import typer

from data.errors import InputError
from pipelines.commands.output import Json, print_json

System = Annotated[str, typer.Argument(help="synthesis, separation or conversion")]
Systems = Annotated[list[str] | None, typer.Argument(help="synthesis, separation, conversion; synthesis by default")]

# The processes of the demo, and the systems that each of them makes. Conversion takes as long as the two others.
_LANES = (("synthesis", "separation"), ("conversion",))


def demo() -> None:
    """Make demo data, train and evaluate every system on it, write the reports (3 to 10 minutes on 2 cores).

    Two processes work side by side: one makes synthesis, then separation, the other one conversion. Each has as many
    threads as cores fall to it. What both need is made by one of them; the other one waits for it.
    """
    from assets.environment import usable_cores
    from pipelines.children import Children
    from pipelines.launch import prepare_instance
    from pipelines.settings import CHECKOUT, FROZEN, Settings

    names = ("nsynth", "musdb", "voices", "target_singer", "codec", "separators", "encoder", "ratings")
    cores = max(1, usable_cores() // len(_LANES))
    own = {"preset": "demo", "trainings": len(_LANES), "workers": cores, **dict.fromkeys(names, "")}
    settings = Settings.read().model_copy(update=own)
    prepare_instance(settings)  # before several processes do it at once
    environment = {"OMP_NUM_THREADS": str(cores), **os.environ, FROZEN: settings.frozen()}
    program = [sys.executable, "-m", "pipelines.cli", "run"]
    with Children() as children:
        lanes = [children.start([*program, *systems], environment, CHECKOUT) for systems in _LANES]
        status = max(lane.wait() for lane in lanes)
    if status:
        raise typer.Exit(status)


def run(
    systems: Systems = None,
    variant: Annotated[str | None, typer.Option(help="Variant of the system; the main one by default.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Make only this asset; may be given several times.")] = None,
    experiment: Annotated[str, typer.Option(help="Name of an experiment: what is in use does not change.")] = "",
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help='What an experiment overrides, such as --set "fine_tune.steps=2000".'),
    ] = None,
) -> None:
    """Make everything of a system that is missing or stale, and print the path of its report; then the next system.

    The settings (TESSITURA_...) choose the preset and the data.
    With --only, only the assets named are made, from what is there.
    With --experiment and --set, the system is made with other values, and
    the results are kept under the name of the experiment.
    """
    from pipelines.launch import Target, run_graph
    from pipelines.settings import Settings

    settings, changes = Settings.read(), overrides_of(change or [])
    targets = [Target.parse(system, variant, experiment, changes) for system in systems or ["synthesis"]]
    for target in targets:
        report = run_graph(settings, replace(target, only=tuple(only or ())))
        if report is not None:
            typer.echo(f"report: {report}")


def seeds(
    system: System,
    count: Annotated[int, typer.Option(help="Number of seeds, that of the preset among them.", min=1)] = 3,
    as_json: Json = False,
) -> None:
    """Train a system from several seeds, and print how much its scores on the test items depend on the seed.

    What is made already is not made again. The other seeds are the
    experiments seed-1, seed-2, ...; what is in use does not change.
    """
    from pipelines.definitions import make_graph
    from pipelines.launch import run_graph
    from pipelines.seeds import over_seeds, targets
    from pipelines.settings import Settings

    settings = Settings.read()
    graph = make_graph(settings)
    for target in targets(graph, system, count):
        run_graph(settings, target)
    found = over_seeds(graph, system, count)
    if as_json:
        print_json(found)
        return
    from eval.report.numbers import number

    typer.echo(f"{system}, preset {settings.preset}, {count} seeds; means over the test items:")
    for name, one in found.items():
        span = f"{number(one['mean'])} ({number(one['lowest'])} to {number(one['highest'])})"
        typer.echo(f"  {name}: {span}; by seed: {', '.join(map(number, one['values']))}")


def overrides_of(changes: list[str]) -> dict[str, Any]:
    """Return the overrides that texts of the form "PATH=VALUE" describe, by path.

    A VALUE that is JSON is decoded; any other VALUE stays a text.

    Raises:
        InputError: a text does not have this form.

    Example:
        >>> overrides_of(["fine_tune.steps=2000", "loss=waveform"])
        {'fine_tune.steps': 2000, 'loss': 'waveform'}
    """
    found = {}
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or not path:
            raise InputError(f"--set {change}: write PATH=VALUE, such as fine_tune.steps=2000")
        try:
            found[path] = json.loads(value)
        except ValueError:
            found[path] = value
    return found


def dev(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)] = 3000) -> None:
    """Open the web UI (Dagster), which shows the asset graph and the history of all runs; Ctrl-C ends it.

    The address is printed when the page answers.
    """
    from pipelines.serving import serve
    from pipelines.settings import Settings

    serve(Settings.read(), port, lambda line: typer.echo(line, err=True))
