"""Commands that use trained models (synthesise a note, separate a song), and the command that describes a preset."""

from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from data.progress import Report
from pipelines.commands.making import System
from pipelines.commands.output import Json, print_json


def describe(
    system: System, preset: Annotated[str, typer.Option(help="demo, small or paper")] = "paper", as_json: Json = False
) -> None:
    """Print the modules of a system: number of parameters, shapes, cost of computing."""
    from models.conversion import describe as conversion_numbers
    from models.conversion import presets as conversion
    from models.separation import describe as separation_numbers
    from models.separation import presets as separation
    from models.synthesis import describe as synthesis_numbers
    from models.synthesis import presets as synthesis
    from pipelines.jobs import find_system

    find_system(system)
    if preset not in synthesis.PRESETS:
        raise InputError(f"{preset!r} is no preset; there are {', '.join(synthesis.PRESETS)}")
    found = {
        "synthesis": lambda: synthesis_numbers.describe(synthesis.PRESETS[preset]),
        "separation": lambda: separation_numbers.describe(separation.PRESETS[preset]),
        "conversion": lambda: conversion_numbers.describe(conversion.PRESETS[preset]),
    }[system]()
    if as_json:
        print_json({"system": system, "preset": preset, **found})
        return
    typer.echo(f"{system}, preset {preset}")
    for row in found["modules"]:
        typer.echo(f"  {row['module']:<10} {row['parameters']:>12,} parameters  {row['reads']} -> {row['writes']}")
    for name, value in found["cost"].items():
        typer.echo(f"  {name:<28} {value:>14,.3f}")


def synthesize(
    instrument: Annotated[str, typer.Option(help="Name as in NSynth, or its number.")],
    pitch: Annotated[str, typer.Option(help="MIDI note number (60), a range (48-72) or a chord (60,64,67).")] = "",
    velocity: Annotated[int, typer.Option(help="As in the data: NSynth has 25, 50, 75, 100, 127.")] = 75,
    midi: Annotated[Path | None, typer.Option(help="MIDI file to play instead of a pitch.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV or FLAC file to write.")] = Path("note.wav"),
    variant: Annotated[
        str, typer.Option(help="spectral, or waveform, no_time_embedding or harmonic: its newest model plays.")
    ] = "spectral",
    newest: Annotated[bool, typer.Option(help="The newest model instead of the champion.")] = False,
    as_json: Json = False,
) -> None:
    """Play a note (4 s), a range, a chord or a MIDI file with the model in use, and write it as a WAV file (16 kHz).

    The notes of a range follow each other every second. Of a MIDI file,
    all tracks but percussion are played, each note at the nearest velocity
    that the model knows; notes last 4 s at most.
    """
    from pipelines.settings import Settings
    from pipelines.synthesize import Music, play

    played = play(Settings.read(), Music(instrument, pitch, velocity, midi), output, variant, newest=newest)
    if as_json:
        print_json(played)
    else:
        what = f"pitch {pitch}, velocity {velocity}" if midi is None else str(midi)
        level = f", level {played['gain_db']:+.1f} dB" if played["gain_db"] else ""
        typer.echo(
            f"{output}: {played['instrument']}, {what}, {played['notes']} notes, {played['seconds']:.1f} s{level}, "
            f"{played['model']}"
        )
    if played["unproven"]:
        typer.echo("warning: no model has passed every check yet, so the newest one plays", err=True)


def separate(
    song: Annotated[Path, typer.Argument(help="WAV, FLAC, MP3, M4A … of any length, rate and channel count.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV or FLAC file to write.")] = Path("vocals.wav"),
    system: Annotated[
        str, typer.Option(help="auto (the champion), masks, refine, diffusion, spleeter, hdemucs, umxhq or umxl")
    ] = "auto",
    condition: Annotated[str, typer.Option(help="concat or inject")] = "concat",
    steps: Annotated[int | None, typer.Option(help="Of DDIM; the preset's by default.")] = None,
    draws: Annotated[int | None, typer.Option(help="Samples whose mean is the result; 1 by default.")] = None,
    as_json: Json = False,
) -> None:
    """Separate the vocals of a music file and write them as a WAV file of exactly the same length."""
    from pipelines.separate import Method
    from pipelines.separate import separate as separate_song
    from pipelines.settings import Settings

    def print_report(report: Report) -> None:
        typer.echo(str(report), err=True)

    done = separate_song(Settings.read(), song, output, Method(system, condition, steps, draws), print_report)
    if as_json:
        print_json(done)
    else:
        by = f"{done['system']}, {done['model']}" if done["model"] else done["system"]
        typer.echo(f"{output}: vocals of {done['seconds']:.1f} s by {by}")
    if system == "auto" and done["system"] == "masks" and not done["champion"]:
        typer.echo("warning: no separation system has passed every check yet, so the newest masks work", err=True)
