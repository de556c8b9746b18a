"""Commands that score any audio, from any system, with all metrics."""

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.output import Json, print_json

Output = Annotated[Path | None, typer.Option("--output", "-o", help="Parquet file for the single scores.")]


def synthesis(
    reference: Annotated[Path, typer.Option(help="Folder of recorded notes.")],
    estimate: Annotated[Path, typer.Option(help="Folder of notes to score, files named alike.")],
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Score notes against recordings with the same file names: spectral, waveform, pitch and loudness metrics.

    With --output, the scores of each note are written to that Parquet
    file.
    """
    from data.files.tables import write_frame
    from data.files.targets import check_target
    from eval.report.numbers import with_interval
    from eval.synthesis.note_metrics import METRICS
    from eval.synthesis.score import score_folders
    from eval.table import summarise

    if output is not None:  # an error comes before the scoring, which may take long
        output = check_target(output, [".parquet"])
    scores = score_folders(reference, estimate).assign(system="estimate")
    rows = summarise(scores, list(METRICS)).drop(columns="system").to_dict("records")
    if output is not None:
        write_frame(output, scores)
    if as_json:
        # JSON has no NaN. A metric that applies to no note has a count of 0 and no mean.
        finite = [{name: one for name, one in row.items() if isinstance(one, str) or isfinite(one)} for row in rows]
        print_json({"notes": len(scores), "metrics": finite, "definitions": METRICS})
        return
    typer.echo(f"{len(scores)} notes; mean [95 % interval], number of notes it applies to")
    for row in rows:
        shown = with_interval(row["mean"], row["low"], row["high"], digits=3)
        typer.echo(f"  {row['metric']:<18} {shown:<34} {row['count']}")


def separation(
    reference: Annotated[Path, typer.Option(help="Folder of true sources: a folder a track, a file a source.")],
    estimate: Annotated[Path, typer.Option(help="Folder of estimates; tracks and files named alike.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the single scores.")] = None,
    as_json: Json = False,
) -> None:
    """Score separated sources against the true sources: BSS Eval 4, whole-track and spectral metrics.

    Layouts that separators write are understood: <track>/<source>.wav,
    also below a folder of the model, and <track>_(<Source>).wav. An
    instrumental or no_vocals is the accompaniment. What was taken for what
    is told on standard error.

    All estimates of a track are evaluated together, as one set of sources,
    which every row names. If there is an accompaniment beside single stems,
    there are two sets. Files named mixture are ignored.

    If only vocals are estimated and there are other references, vocals and
    accompaniment are evaluated. The true accompaniment is the file of that
    name, or else the sum of the other references; the estimated one is the
    sum of true vocals and true accompaniment minus the estimated vocals.

    Medians are taken over frames, then over tracks, as in SiSEC18.
    With --output, the single scores are written to that folder.
    """
    from data.files.targets import check_target_folder
    from eval.separation.folders import score_folders
    from eval.separation.score import write_tables
    from pipelines.separation_scores import as_values, lines

    if output is not None:
        check_target_folder(output)  # an error comes before the scoring, which may take long
    scores = score_folders(reference, estimate, _say, tell=_say)
    if output is not None:
        write_tables(output, scores)
    if as_json:
        print_json(as_values(scores))
        return
    for line in lines(scores):
        typer.echo(line)


def _say(what: object) -> None:
    """Print a report or a sentence to standard error."""
    typer.echo(str(what), err=True)
