"""Commands that score converted voices and melodies, from any system, with the F0 family and the other judges."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.commands.output import Json, print_json

if TYPE_CHECKING:
    import pandas as pd

Output = Annotated[Path | None, typer.Option("--output", "-o", help="Parquet file for the scores of each file.")]
Tracker = Annotated[str, typer.Option(help='Pitch tracker for audio files; "" for the judge.')]
Alignment = Annotated[str, typer.Option(help="Alignment of the pitch: none, lag or dtw.")]
_JUDGES = ("speaker_encoder", "recogniser", "quality_predictor")  # columns with the names of the judges


def conversion(
    reference: Annotated[Path, typer.Option(help="Folder of source voices without accompaniment.")],
    estimate: Annotated[Path, typer.Option(help="Folder of converted voices, files named alike.")],
    tracker: Tracker = "",
    alignment: Alignment = "none",
    speaker: Annotated[
        str | None, typer.Option(help='Speaker encoder: pretrained.pt of Resemblyzer, or "statistics".')
    ] = None,
    target: Annotated[Path | None, typer.Option(help="Folder of the target singer; needs --speaker.")] = None,
    recogniser: Annotated[Path | None, typer.Option(help="Folder of a Whisper model (CTranslate2).")] = None,
    quality: Annotated[Path | None, typer.Option(help="Predictor of quality: distill_mos_v7.pt of DistillMOS.")] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Score converted voices against their source voices: the F0 family, timbre, and optional judges.

    Files are paired by name. "Reference" is the clean source voice, so
    the distances tell what was kept of it. With --speaker, the cosine to
    the source (and with --target, to the target singer) is added; with
    --recogniser, the error of the words against those heard in the source;
    with --quality, the MOS that a network trained on speech predicts.
    """
    from data.files.targets import check_target
    from data.pitch.trackers import JUDGE
    from eval.conversion.folders import CONVERSION_METRICS, Scoring, score_conversions
    from eval.metrics.f0 import F0Config
    from eval.metrics.quality import load_quality_predictor
    from eval.metrics.recognition import load_recogniser
    from eval.metrics.speaker import load_speaker_encoder

    if output is not None:  # an error comes before the scoring, which may take long
        output = check_target(output, [".parquet"])
    encoder = None
    if speaker is not None:
        encoder = load_speaker_encoder(None if speaker == "statistics" else Path(speaker))
    scoring = Scoring(
        tracker=tracker or JUDGE,
        f0=F0Config(alignment),
        speaker=encoder,
        target=target,
        recogniser=None if recogniser is None else load_recogniser(recogniser),
        quality=None if quality is None else load_quality_predictor(quality),
    )
    scores = score_conversions(reference, estimate, scoring, lambda report: typer.echo(str(report), err=True))
    _show(scores, CONVERSION_METRICS, output, as_json=as_json)


def melody(
    reference: Annotated[Path, typer.Option(help="Folder of references: audio, or tables of time and Hz.")],
    estimate: Annotated[Path, typer.Option(help="Folder of estimates, files named alike.")],
    tracker: Tracker = "",
    alignment: Alignment = "none",
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Score melodies with the whole F0 family: raw pitch accuracy, F0 RMSE and correlation, voicing errors.

    Files are audio or tables (CSV, TSV, TXT: time in seconds, pitch in Hz,
    0 is unvoiced) and are paired by name without extension. Audio is
    tracked; every row of the scores names the tracker, or "table".
    """
    from data.files.targets import check_target
    from data.pitch.trackers import JUDGE
    from eval.conversion.folders import MELODY_METRICS, Scoring, score_melodies
    from eval.metrics.f0 import F0Config

    if output is not None:  # an error comes before the scoring, which may take long
        output = check_target(output, [".parquet"])
    scoring = Scoring(tracker=tracker or JUDGE, f0=F0Config(alignment))
    scores = score_melodies(reference, estimate, scoring, lambda report: typer.echo(str(report), err=True))
    _show(scores, MELODY_METRICS, output, as_json=as_json)


def _show(scores: "pd.DataFrame", metrics: dict[str, str], output: Path | None, *, as_json: bool) -> None:
    """Write the scores of each file where wanted, and print them and their summary."""
    from data.files.durable import in_json
    from data.files.tables import write_frame
    from eval.table import summarise

    if output is not None:
        write_frame(output, scores)
    there = [name for name in metrics if name in scores]
    rows = summarise(scores.assign(system="estimate"), there).drop(columns="system").to_dict("records")
    if as_json:
        print_json(
            {
                "files": len(scores),
                "metrics": [in_json(row) for row in rows],
                "scores": [in_json(row) for row in scores.to_dict("records")],
                "definitions": {name: metrics[name] for name in there},
            }
        )
        return
    for line in _lines(scores, rows):
        typer.echo(line)


def _lines(scores: "pd.DataFrame", rows: list[dict[Any, Any]]) -> list[str]:
    """Return the lines of two text tables: single files, and the summary."""
    from eval.report.numbers import with_interval

    pitch = "/".join(sorted({*scores["reference_pitch"], *scores["estimate_pitch"]}))
    judged = [f"pitch by {pitch}", f"alignment {scores['alignment'].iloc[0]}"]
    judged += [f"{name} {scores[name].iloc[0]}" for name in _JUDGES if name in scores]
    shown = [name for name in ("rpa", "oa", "f0_rmse_cents_keyfree", "key_shift_cents", "f0_corr") if name in scores]
    width = max(4, *(len(str(name)) for name in scores["item"]))
    found = [f"{len(scores)} files; {', '.join(judged)}", f"  {'file':<{width}} " + " ".join(f"{n:>22}" for n in shown)]
    for row in scores.to_dict("records"):
        found.append(f"  {row['item']:<{width}} " + " ".join(f"{_text(row[name]):>22}" for name in shown))
    found.append("mean [95 % interval], number of files it applies to, no value: number of files it does not apply to")
    for row in rows:
        shown = with_interval(row["mean"], row["low"], row["high"], digits=3)
        line = f"  {row['metric']:<22} {shown:<34} {row['count']:>5}"
        found.append(line + (f"  no value: {row['missing']}" if row["missing"] else ""))
    return found


def _text(value: float) -> str:
    """Return a number for a table, a dash if it is not applicable."""
    return f"{value:.4g}" if isfinite(value) else "–"
