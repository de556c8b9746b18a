"""The command `tessitura`: launch, look, play, judge."""

import sys

import typer

from data.errors import InputError
from pipelines.commands import making, playing, scoring, storing

app = typer.Typer(
    help="Music-audio machine learning that can be trusted: data, training and judging in one graph.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
score = typer.Typer(help="Judge anybody's audio with every metric.", no_args_is_help=True)
app.add_typer(score, name="score")

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
    storing.pin,
    storing.gc,
    storing.waive,
):
    app.command()(_command)
for _command in (scoring.synthesis, scoring.separation):
    score.command()(_command)


def main() -> None:
    """Run the command line; what is wrong with the input is said in one line, exit status 2."""
    try:
        app()
    except InputError as error:
        sys.exit(_complain(str(error)))
    except OSError as error:
        sys.exit(_complain(f"{error.filename or 'a file'}: {error.strerror or error}"))


def _complain(message: str) -> int:
    typer.echo(f"error: {message}", err=True)
    return 2


if __name__ == "__main__":
    main()
