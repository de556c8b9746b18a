"""Commands that make results (the demo, a system, an experiment), and the command that starts the web UI."""

import json
from typing import Annotated, Any

import typer

from data.errors import InputError

System = Annotated[str, typer.Argument(help="synthesis, separation or conversion")]


def demo() -> None:
    """Make demo data, train and evaluate every system on it, write the reports (14 minutes on 2 cores)."""
    from pipelines.jobs import SYSTEMS
    from pipelines.launch import Target, run_graph
    from pipelines.settings import Settings

    names = ("nsynth", "musdb", "voices", "target_singer", "codec", "separators", "encoder")
    own = {"preset": "demo", **dict.fromkeys(names, "")}
    settings = Settings.read().model_copy(update=own)
    reports = [run_graph(settings, Target.parse(system)) for system in SYSTEMS]
    for report in reports:
        typer.echo(f"report: {report}")


def run(
    system: System = "synthesis",
    variant: Annotated[str | None, typer.Option(help="Row of an ablation; the main one by default.")] = None,
    experiment: Annotated[str, typer.Option(help="Name of an experiment: what is in use does not change.")] = "",
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help='What an experiment overrides, such as --set "fine_tune.steps=2000".'),
    ] = None,
) -> None:
    """Make everything of a system that is missing or stale, and print the path of its report.

    The settings (TESSITURA_...) choose the preset and the data.
    With --experiment and --set, the system is made with other values, and
    the results are kept under the name of the experiment.
    """
    from pipelines.launch import Target, run_graph
    from pipelines.settings import Settings

    target = Target.parse(system, variant, experiment, overrides_of(change or []))
    typer.echo(f"report: {run_graph(Settings.read(), target)}")


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


def dev(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Start the web UI (Dagster), which shows the asset graph and the history of all runs."""
    from pipelines.launch import serve
    from pipelines.settings import Settings

    settings = Settings.read()
    typer.echo(f"http://127.0.0.1:{port}, preset {settings.preset} (Ctrl-C ends it)", err=True)
    serve(settings, port)
