"""Commands of the conversion system: convert a song, extract its melody."""

from pathlib import Path
from typing import Annotated

import typer

from data.progress import Report
from pipelines.commands.output import Json, print_json

Song = Annotated[Path, typer.Argument(help="WAV, FLAC, MP3, M4A … of any length, rate and channel count.")]


def convert(
    song: Song,
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV or FLAC file to write.")] = Path("converted.wav"),
    singer: Annotated[str, typer.Option(help="Singer to convert to; the one the model was trained for.")] = "",
    key: Annotated[str, typer.Option(help="keep, octave, match or free; by default octave, with --remix keep.")] = "",
    remix: Annotated[bool, typer.Option("--remix", help="Lay the voice over the accompaniment of the song.")] = False,
    newest: Annotated[bool, typer.Option(help="The newest model instead of the champion.")] = False,
    as_json: Json = False,
) -> None:
    """Convert the singing in a music file, accompaniment or not, to the voice of the target singer."""
    from pipelines.convert import Wish
    from pipelines.convert import convert as convert_song
    from pipelines.settings import Settings

    def print_report(report: Report) -> None:
        typer.echo(str(report), err=True)

    done = convert_song(Settings.read(), song, output, Wish(key, singer, remix, newest), print_report)
    if as_json:
        print_json(done)
        return
    shift = "the model's key" if done["shift_cents"] is None else f"shifted by {done['shift_cents']:+.0f} cents"
    typer.echo(f"{output}: {done['seconds']:.1f} s sung by {done['singer']}, {shift}, {done['model']}")
    if done["outside"] > 0.2:
        typer.echo(
            f"warning: {done['outside']:.0%} of the melody lies outside the range of {done['singer']}; "
            "try --key octave or --key match",
            err=True,
        )


def melody(
    song: Song,
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV file to write.")] = Path("melody.csv"),
    newest: Annotated[bool, typer.Option(help="The newest extractor instead of the champion's.")] = False,
    as_json: Json = False,
) -> None:
    """Write the melody of the singing in a music file: time, F0 in Hz, voicing and energy, 100 rows a second."""
    from pipelines.convert import melody as extract
    from pipelines.settings import Settings

    done = extract(Settings.read(), song, output, newest=newest)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"{output}: {done['seconds']:.1f} s, {done['voiced']:.0%} voiced, {done['model']}")
