"""Commands that judge anybody's audio with every metric."""

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.output import Json, print_json

Output = Annotated[Path | None, typer.Option("--output", "-o", help="Where the single scores go.")]


def synthesis(
    reference: Annotated[Path, typer.Option(help="Folder of recorded notes.")],
    estimate: Annotated[Path, typer.Option(help="Folder of notes to judge, files named alike.")],
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Judge notes against recordings of the same name: spectral, waveform, pitch and loudness metrics.

    With --output the scores of each note go to that Parquet file.
    """
    from data.files.tables import write_frame
    from eval.synthesis.note_metrics import METRICS
    from eval.synthesis.score import score_folders
    from eval.table import summarise

    scores = score_folders(reference, estimate).assign(system="estimate")
    rows = summarise(scores, list(METRICS)).drop(columns="system").to_dict("records")
    if output is not None:
        write_frame(output, scores)
    if as_json:
        # NaN is no JSON: what could be judged of no note has a count of 0 and no mean.
        finite = [{name: one for name, one in row.items() if isinstance(one, str) or isfinite(one)} for row in rows]
        print_json({"notes": len(scores), "metrics": finite, "definitions": METRICS})
        return
    typer.echo(f"{len(scores)} notes; mean [95 % interval], number of notes it applies to")
    for row in rows:
        interval = f"[{row['low']:.4g}, {row['high']:.4g}]"
        typer.echo(f"  {row['metric']:<18} {row['mean']:>10.4g} {interval:<24} {row['count']}")


def separation(
    reference: Annotated[Path, typer.Option(help="Folder of true sources: a folder a track, a WAV or FLAC a source.")],
    estimate: Annotated[Path, typer.Option(help="Folder of estimates; tracks and files named alike.")],
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Judge separated sources against the true ones: BSS Eval 4, whole-track and spectral metrics.

    The estimates of a track are judged together, as one set of sources;
    every row says which. Files named mixture are passed over.

    Vocals alone are judged as vocals and accompaniment wherever the
    references hold more than vocals: the true accompaniment is the sum of the
    others, the estimated one the sum of all references minus the estimate.

    Medians are over frames, then over tracks, as SiSEC18 takes them.
    With --output the single scores go to that folder.
    """
    from eval.separation.folders import score_folders
    from eval.separation.score import write_tables
    from pipelines.separation_scores import as_values, lines

    if output is not None:
        output.mkdir(parents=True, exist_ok=True)  # better to fail now than after an hour
    scores = score_folders(reference, estimate, lambda report: typer.echo(str(report), err=True))
    if output is not None:
        write_tables(output, scores)
    if as_json:
        print_json(as_values(scores))
        return
    for line in lines(scores):
        typer.echo(line)
