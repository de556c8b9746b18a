"""Commands for listening tests: copying them out of the store, and judging what listeners sent back."""

from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.making import System
from pipelines.commands.output import Json, print_json

if TYPE_CHECKING:
    from eval.listening.ratings import Ratings


def export_listening(
    system: System,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder that receives a folder for each test.")],
    as_json: Json = False,
) -> None:
    """Copy the listening tests of a system out of the store: a page for listeners, and the key for yourself.

    README.txt in each folder tells what to do, and how many listeners
    are needed. A test that is there already is left as it is.
    """
    from pipelines.listening import export_tests
    from pipelines.settings import Settings

    folders = export_tests(Settings.read(), system, output)
    if as_json:
        print_json({"tests": [str(one) for one in folders]})
        return
    for one in folders:
        typer.echo(f"listening test: {one / 'public' / 'index.html'}")
        typer.echo((one / "README.txt").read_text(encoding="utf-8"))


def score_listening(
    folder: Annotated[Path, typer.Argument(help="Folder of exported tests with the files that listeners sent back.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for ratings and quarantine.")] = None,
    as_json: Json = False,
) -> None:
    """Judge the results of listening tests: mean opinion scores, preferences, agreement, and what cannot be used.

    Sessions that are spoofed, doubled, partial, impossible or inattentive
    are left out and counted with the reason. With --output, the ratings
    and these sessions are written to that folder as Parquet.
    """
    from data.files.targets import check_target_folder
    from eval.listening.ratings import collected, write_ratings
    from eval.listening.tables import Subject, left_out, listening_blocks
    from pipelines.listening import lines

    if output is not None:
        check_target_folder(output)
    ratings = collected(folder)
    if output is not None:
        write_ratings(output, ratings)
    if as_json:
        print_json(_values(ratings))
        return
    subjects = sorted({str(one["subject"]) for one in ratings.tests.values()})
    blocks = [block for one in subjects for block in listening_blocks(ratings, Subject(one))]
    unknown = left_out(ratings.quarantine[~ratings.quarantine["test"].isin(ratings.tests)])
    for line in lines([*blocks, unknown] if unknown is not None else blocks):
        typer.echo(line)
    if not len(ratings.rows):
        typer.echo("no results that can be used yet")


def _values(ratings: "Ratings") -> dict[str, Any]:
    """Return mean opinions of the screened listeners, or shares of choices, and how many sessions were left out."""
    from eval.listening.opinion import opinion_of
    from eval.listening.screening import screened

    means = []
    for test, rows in ratings.rows.groupby("test", sort=False):
        kept, excluded = screened(rows)
        for (system, role), part in kept.groupby(["system", "role"], sort=False):
            one = {name: None if isnan(value) else value for name, value in asdict(opinion_of(part)).items()}
            told = {"test": test, **ratings.tests[str(test)], "system": system, "role": role}
            means.append({**told, **one, "listeners left out": len(excluded)})
    reasons = ratings.quarantine["reason"].str.partition(":")[0].value_counts() if len(ratings.quarantine) else {}
    return {"means": means, "quarantine": {str(reason): int(count) for reason, count in dict(reasons).items()}}
