"""The command line program `tessitura`."""

import sys

import typer

from data.errors import InputError
from pipelines.commands import conversion_scoring, converting, exporting, making, playing, scoring, storing

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

for _command in (
    making.demo,
    making.run,
    making.dev,
    storing.status,
    storing.report,
    storing.experiments,
    playing.describe,
    playing.synthesize,
    playing.separate,
    converting.convert,
    converting.melody,
    storing.pin,
    storing.gc,
    storing.waive,
):
    app.command()(_command)
for _command in (scoring.synthesis, scoring.separation, conversion_scoring.conversion, conversion_scoring.melody):
    score.command()(_command)
export.command()(exporting.report)


def main() -> None:
    """Run the command line program; an error of the input is printed as one line, with exit status 2."""
    try:
        app()
    except InputError as error:
        sys.exit(_complain(str(error)))
    except OSError as error:
        sys.exit(_complain(f"{error.filename or 'a file'}: {error.strerror or error}"))


def _complain(message: str) -> int:
    """Print an error message to standard error and return the exit status."""
    typer.echo(f"error: {message}", err=True)
    return 2


if __name__ == "__main__":
    main()
