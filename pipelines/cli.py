"""The command `tessitura`: launch, look, play, judge."""

import json
import sys
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from data.errors import InputError
from data.progress import Report

app = typer.Typer(
    help="Music-audio machine learning that can be trusted: data, training and judging in one graph.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
score = typer.Typer(help="Judge anybody's audio with every metric.", no_args_is_help=True)
app.add_typer(score, name="score")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
System = Annotated[str, typer.Argument(help="synthesis or separation")]


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


def _check(system: str) -> None:
    from pipelines.jobs import SYSTEMS

    if system not in SYSTEMS:
        raise InputError(f"{system!r} is no system; there are {', '.join(SYSTEMS)}")


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


@app.command()
def demo() -> None:
    """Make demo data, train and judge every system on it, write the reports (about 10 minutes on 2 cores)."""
    from pipelines.jobs import SYSTEMS
    from pipelines.launch import run_graph
    from pipelines.settings import Settings

    own = {"preset": "demo", "nsynth": "", "musdb": "", "codec": "", "separators": ""}
    settings = Settings.read().model_copy(update=own)
    reports = [run_graph(settings, system) for system in SYSTEMS]
    for report in reports:
        typer.echo(f"report: {report}")


@app.command()
def run(
    system: System = "synthesis",
    variant: Annotated[str | None, typer.Option(help="Which partition; the main one by default.")] = None,
) -> None:
    """Make what is stale of a system, with the preset and data of this environment; end with its report."""
    from pipelines.launch import run_graph
    from pipelines.settings import Settings

    typer.echo(f"report: {run_graph(Settings.read(), system, variant)}")


@app.command()
def dev(port: Annotated[int, typer.Option(help="Port on 127.0.0.1.")] = 3000) -> None:
    """Open the asset graph in the browser, with the history of all runs."""
    from pipelines.launch import serve
    from pipelines.settings import Settings

    typer.echo(f"http://127.0.0.1:{port} (Ctrl-C ends it)", err=True)
    serve(Settings.read(), port)


@app.command()
def status(as_json: Json = False) -> None:
    """Tell what is in the store: every asset, its version, when and by what it was made."""
    from pipelines.settings import Settings
    from pipelines.status import source_version

    settings = Settings.read()
    rows = source_version(settings.store)
    if as_json:
        _print({"store": str(settings.store), "preset": settings.preset, "assets": rows})
        return
    typer.echo(f"{settings.store} (preset {settings.preset})")
    for row in rows:
        typer.echo(f"  {row['asset']:<46} {row['made']:<17} {row['seconds']:>9.1f} s  {row['commit']}")
    if not rows:
        typer.echo("  nothing yet; run: tessitura demo")


@app.command()
def report(system: System = "synthesis", as_json: Json = False) -> None:
    """Print the path of the newest report of a system, or with --json what it says."""
    from data.files.durable import read_json
    from pipelines.launch import report_path
    from pipelines.settings import Settings

    _check(system)
    path = report_path(Settings.read(), system)
    if as_json:
        _print({"report": str(path), **read_json(path.with_name("metrics.json"))})
    else:
        typer.echo(f"report: {path}")


@app.command()
def describe(
    system: System, preset: Annotated[str, typer.Option(help="demo, small or paper")] = "paper", as_json: Json = False
) -> None:
    """Tell the modules of a system: parameters, shapes, arithmetic."""
    from models.separation import config as separation
    from models.separation import describe as separation_numbers
    from models.synthesis import config as synthesis
    from models.synthesis import describe as synthesis_numbers

    _check(system)
    if preset not in synthesis.PRESETS:
        raise InputError(f"{preset!r} is no preset; there are {', '.join(synthesis.PRESETS)}")
    if system == "synthesis":
        found = synthesis_numbers.describe(synthesis.PRESETS[preset])
    else:
        found = separation_numbers.describe(separation.PRESETS[preset])
    if as_json:
        _print({"system": system, "preset": preset, **found})
        return
    typer.echo(f"{system}, preset {preset}")
    for row in found["modules"]:
        typer.echo(f"  {row['module']:<10} {row['parameters']:>12,} parameters  {row['reads']} -> {row['writes']}")
    for name, value in found["cost"].items():
        typer.echo(f"  {name:<28} {value:>14,.3f}")


@app.command()
def synthesize(
    instrument: Annotated[str, typer.Option(help="Name as in NSynth, or its number.")],
    pitch: Annotated[int, typer.Option(help="MIDI note number, 60 is middle C.")],
    velocity: Annotated[int, typer.Option(help="As in the data: NSynth has 25, 50, 75, 100, 127.")] = 75,
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV file to write.")] = Path("note.wav"),
    variant: Annotated[str, typer.Option(help="spectral, waveform or no_time_embedding")] = "spectral",
    newest: Annotated[bool, typer.Option(help="The newest model instead of the champion.")] = False,
    as_json: Json = False,
) -> None:
    """Play a note with the model in use and write it as a WAV file (4 s, 16 kHz)."""
    from pipelines.settings import Settings
    from pipelines.synthesize import play

    facts = play(Settings.read(), instrument, (pitch, velocity), output, variant, newest)
    if as_json:
        _print(facts)
    else:
        typer.echo(f"{output}: {facts['instrument']}, pitch {pitch}, velocity {velocity}, {facts['model']}")


@app.command()
def separate(
    song: Annotated[Path, typer.Argument(help="WAV, FLAC, MP3, M4A … of any length, rate and channel count.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV file to write.")] = Path("vocals.wav"),
    system: Annotated[str, typer.Option(help="diffusion or masks")] = "diffusion",
    condition: Annotated[str, typer.Option(help="concat or inject")] = "concat",
    steps: Annotated[int | None, typer.Option(help="Of DDIM; the preset's by default.")] = None,
    as_json: Json = False,
) -> None:
    """Take the vocals out of a music file; the result is exactly as long."""
    from pipelines.separate import separate as separate_song
    from pipelines.settings import Settings

    def tell(report: Report) -> None:
        typer.echo(str(report), err=True)

    facts = separate_song(Settings.read(), song, output, system, condition, steps, tell)
    if as_json:
        _print(facts)
    else:
        typer.echo(f"{output}: vocals of {facts['seconds']:.1f} s by {facts['system']}, {facts['model']}")


@score.command("synthesis")
def score_synthesis(
    reference: Annotated[Path, typer.Option(help="Folder of recorded notes.")],
    estimate: Annotated[Path, typer.Option(help="Folder of notes to judge, files named alike.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Parquet file for the single scores.")] = None,
    as_json: Json = False,
) -> None:
    """Judge notes against recordings of the same name: spectral, waveform, pitch and loudness metrics."""
    from data.files.durable import replacing_path
    from eval.synthesis.note_metrics import METRICS
    from eval.synthesis.score import score_folders
    from eval.table import summarise

    scores = score_folders(reference, estimate).assign(system="estimate")
    rows = summarise(scores, list(METRICS)).drop(columns="system").to_dict("records")
    if output is not None:
        with replacing_path(output) as partial:
            scores.to_parquet(partial)
    if as_json:
        # NaN is no JSON: what could be judged of no note has a count of 0 and no mean.
        finite = [{name: one for name, one in row.items() if isinstance(one, str) or isfinite(one)} for row in rows]
        _print({"notes": len(scores), "metrics": finite, "definitions": METRICS})
        return
    typer.echo(f"{len(scores)} notes; mean [95 % interval], number of notes it applies to")
    for row in rows:
        interval = f"[{row['low']:.4g}, {row['high']:.4g}]"
        typer.echo(f"  {row['metric']:<18} {row['mean']:>10.4g} {interval:<24} {row['count']}")


@score.command("separation")
def score_separation(
    reference: Annotated[Path, typer.Option(help="Folder of true sources: a folder a track, a WAV or FLAC a source.")],
    estimate: Annotated[Path, typer.Option(help="Folder of estimates; tracks and files named alike.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the single scores.")] = None,
    as_json: Json = False,
) -> None:
    """Judge separated sources against the true ones: BSS Eval 4, whole-track and spectral metrics.

    The estimates of a track are judged together, as one set of sources;
    every row says which. Files named mixture are passed over.

    Vocals alone are judged as vocals and accompaniment wherever the
    references hold more than vocals: the true accompaniment is the sum of the
    others, the estimated one the sum of all references minus the estimate.

    Medians are over frames, then over tracks, as SiSEC18 takes them.
    """
    from eval.separation.folders import score_folders
    from eval.separation.score import write_tables
    from pipelines.separation_scores import facts, table

    if output is not None:
        output.mkdir(parents=True, exist_ok=True)  # better to fail now than after an hour
    scores = score_folders(reference, estimate, lambda report: typer.echo(str(report), err=True))
    if output is not None:
        write_tables(output, scores)
    if as_json:
        _print(facts(scores))
        return
    for line in table(scores):
        typer.echo(line)


if __name__ == "__main__":
    main()
