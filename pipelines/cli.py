"""The command line program `tessitura`."""

import signal
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer
from click import Context
from typer.core import TyperArgument, TyperCommand
from typer.models import ArgumentInfo

from data.errors import Stopped, explain
from pipelines.commands import (
    conversion_scoring,
    converting,
    exporting,
    listening,
    making,
    planning,
    playing,
    scoring,
    storing,
)
from pipelines.threads import share_cores

app = typer.Typer(
    help="Music-audio machine learning that can be trusted: data, training and evaluation in one graph.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
score = typer.Typer(help="Score anybody's audio with every metric.", no_args_is_help=True)
app.add_typer(score, name="score")
export = typer.Typer(help="Copy results out of the store.", no_args_is_help=True)
app.add_typer(export, name="export")


class Command(TyperCommand):
    """A command whose help describes its arguments, and whose interruption is told in one line.

    typer 0.25 loses the help of arguments with a click whose arguments have a help of their own.
    """

    def __init__(self, name: str | None, *, callback: Any = None, **options: Any) -> None:
        super().__init__(name, callback=callback, **options)
        hints = get_type_hints(callback, include_extras=True)
        for one in self.params:
            if isinstance(one, TyperArgument):
                notes = get_args(hints.get(str(one.name)))
                one.help = next((note.help for note in notes if isinstance(note, ArgumentInfo)), None)

    def invoke(self, ctx: Context) -> Any:
        """Run the command.

        Raises:
            Stopped: it was interrupted by SIGINT or SIGTERM.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Stopped("stopped") from error


for _command in (
    making.demo,
    making.run,
    making.seeds,
    planning.plan,
    making.dev,
    storing.status,
    storing.verify,
    storing.report,
    storing.experiments,
    exporting.diff,
    exporting.compare,
    playing.describe,
    playing.synthesize,
    playing.separate,
    converting.convert,
    converting.melody,
    storing.pin,
    storing.gc,
    storing.waive,
):
    app.command(cls=Command)(_command)
for _command in (scoring.synthesis, scoring.separation, conversion_scoring.conversion, conversion_scoring.melody):
    score.command(cls=Command)(_command)
export.command(cls=Command)(exporting.report)
export.command(cls=Command)(exporting.model)
export.command("listening", cls=Command)(listening.export_listening)
score.command("listening", cls=Command)(listening.score_listening)


def _print_version(asked: bool) -> None:
    """Print the version and the commit of the checkout, and end."""
    if asked:
        from assets.provenance import commit

        typer.echo(f"tessitura {version('tessitura')}, commit {commit()}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and the commit."),
    ] = False,
) -> None:
    """Options that stand before the command."""
    del version


def main() -> None:
    """Run the command line program; an error is printed as one line, with exit status 2, and a stop with 130."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    share_cores()
    try:
        app()
    except Stopped as stopped:
        typer.echo(str(stopped), err=True)
        sys.exit(130)
    except Exception as error:
        typer.echo(f"error: {explain(error, _errors_log())}", err=True)
        sys.exit(2)


def _errors_log() -> Path:
    """Return the file for the tracebacks of unexpected errors: in the home, or in the temporary folder without one."""
    try:
        from pipelines.settings import Settings

        return Settings.read().environment().errors_log
    except Exception:  # the settings may be what is wrong
        return Path(tempfile.gettempdir()) / "tessitura-errors.log"


if __name__ == "__main__":
    main()
