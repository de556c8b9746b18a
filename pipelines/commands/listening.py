"""Commands for listening tests: copying them out of the store, and judging what listeners sent back."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.making import System
from pipelines.commands.output import Json, print_json


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
    from eval.listening.tables import Subject, listening_blocks
    from pipelines.listening import lines

    if output is not None:
        check_target_folder(output)
    ratings = collected(folder)
    if output is not None:
        write_ratings(output, folder)
    subjects = sorted({str(one["subject"]) for one in ratings.tests.values()})
    if as_json:
        rows = ratings.rows.groupby(["test", "kind", "subject", "system", "role"], sort=False)["rating"]
        means = rows.agg(["mean", "count"]).reset_index().to_dict("records")
        left_out = ratings.quarantine.groupby("reason").size().to_dict()
        print_json({"means": means, "quarantine": {str(reason): int(count) for reason, count in left_out.items()}})
        return
    blocks = [block for one in subjects for block in listening_blocks(ratings, Subject(one))]
    for line in lines(blocks):
        typer.echo(line)
    if not blocks:
        told = ", ".join(f"{count} × {reason}" for reason, count in ratings.quarantine.groupby("reason").size().items())
        typer.echo(f"no results that can be used yet{f'; left out: {told}' if told else ''}")
