"""Commands that make things: the demo, a system, an experiment, the web UI."""

import json
from typing import Annotated, Any

import typer

from data.errors import InputError

System = Annotated[str, typer.Argument(help="synthesis or separation")]


def demo() -> None:
    """Make demo data, train and judge every system on it, write the reports (about 10 minutes on 2 cores)."""
    from pipelines.jobs import SYSTEMS
    from pipelines.launch import Trip, run_graph
    from pipelines.settings import Settings

    own = {"preset": "demo", "nsynth": "", "musdb": "", "codec": "", "separators": ""}
    settings = Settings.read().model_copy(update=own)
    reports = [run_graph(settings, Trip.plan(system)) for system in SYSTEMS]
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
    """Make what is stale of a system, with the preset and data of this environment; end with its report."""
    from pipelines.launch import Trip, run_graph
    from pipelines.settings import Settings

    trip = Trip.plan(system, variant, experiment, overrides_of(change or []))
    typer.echo(f"report: {run_graph(Settings.read(), trip)}")


def overrides_of(changes: list[str]) -> dict[str, Any]:
    """Return the values of texts "PATH=VALUE" by path: JSON where VALUE is JSON, else the word itself.

    Raises:
        InputError: one is not PATH=VALUE.
    """
    found = {}
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or not path:
            raise InputError(f"--set {change}: write PATH=VALUE, such as fine_tune.steps=2000")
        try:
            found[path] = json.loads(value)
        except ValueError:
            found[path] = value  # a word
    return found


def dev(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Open the asset graph in the browser, with the history of all runs."""
    from pipelines.launch import serve
    from pipelines.settings import Settings

    settings = Settings.read()
    typer.echo(f"http://127.0.0.1:{port}, preset {settings.preset} (Ctrl-C ends it)", err=True)
    serve(settings, port)
