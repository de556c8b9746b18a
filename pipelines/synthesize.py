"""Synthesises notes, chords and MIDI files with the model in use."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets.champion import RECORD
from assets.environment import Configuration
from assets.store.pointers import find, get
from data.errors import InputError
from data.files.checked_json import read_checked_json
from data.files.targets import check_target
from pipelines.definitions import make_graph
from pipelines.settings import Settings


@dataclass(frozen=True)
class Music:
    """What is to be played.

    Attributes:
        instrument: name of the instrument in the data, or its number as text.
        pitch: MIDI pitch (60 is middle C), a range of pitches "48-72" or a chord "60,64,67"; "" with `midi`.
        velocity: MIDI velocity, one of those in the data; a MIDI file has its own.
        midi: MIDI file to play; None for `pitch`.
    """

    instrument: str
    pitch: str
    velocity: int
    midi: Path | None = None


def play(settings: Settings, music: Music, output: Path, variant: str, *, newest: bool) -> dict[str, Any]:
    """Synthesise music and write it as a WAV or FLAC file (16 kHz, 16 bit; a single note lasts 4 s).

    Args:
        settings: the settings, which name the store and the preset.
        music: what is to be played.
        output: file to write; its ending decides the format.
        variant: name of the model's variant, one of `VARIANTS`.
        newest: whether to take the newest model instead of the champion. The newest one is taken too where none has
            been promoted yet, and of all variants but the main one, which alone has champions.

    Returns:
        "output", "instrument" (its name), "pitch", "velocity", "notes" (their number), "seconds", "gain_db"
        (which keeps several notes within full scale), "model" (folder of the model) and "unproven" (whether it is the
        newest one because none has been promoted yet).

    Raises:
        InputError: there is no such model, instrument, pitch or velocity, the MIDI file cannot be read, or the output
            cannot be written.

    Example:
        >>> music = Music("organ_electronic_000", "60,64,67", velocity=75)
        >>> play(Settings.read(), music, Path("chord.wav"), "spectral", newest=False)
    """
    import torch

    from data.files.audio import WRITTEN, to_pcm16, write_sound
    from data.nsynth.dataset import SAMPLE_RATE
    from models.synthesis.load import load_player
    from models.synthesis.music import parse_pitches, read_midi, render

    if (music.midi is None) == (not music.pitch):
        raise InputError("give either a pitch or a MIDI file: --pitch 60 or --midi song.mid")
    target = check_target(output, WRITTEN)
    model = _model(settings, variant, newest=newest)
    number = _number(model, music.instrument)
    if music.midi is None and music.velocity not in model.velocities:
        raise InputError(f"velocity {music.velocity}: the model was trained on {', '.join(map(str, model.velocities))}")
    events = parse_pitches(music.pitch, music.velocity) if music.midi is None else read_midi(music.midi)
    network = load_player(model.folder, torch.device(settings.environment().torch_device()))
    wave, gain = render(network, number, events, model.velocities)
    write_sound(target, to_pcm16(wave), SAMPLE_RATE)
    name = next(one for one, value in model.instruments.items() if value == number)
    asked = {"midi": str(music.midi)} if music.midi else {"pitch": music.pitch, "velocity": music.velocity}
    made = {"notes": len(events), "seconds": len(wave) / SAMPLE_RATE, "gain_db": round(gain, 2)}
    where = {"model": str(model.folder), "unproven": model.unproven}
    return {"output": str(output), "instrument": name, **asked, **made, **where}


@dataclass(frozen=True)
class _Model:
    """A trained model.

    Attributes:
        folder: its folder.
        instruments: number of each instrument that it was trained on, by name.
        velocities: velocities that it was trained on.
        unproven: whether it is the newest one because none has been promoted.
    """

    folder: Path
    instruments: dict[str, int]
    velocities: list[int]
    unproven: bool = False


def _model(settings: Settings, variant: str, *, newest: bool) -> _Model:
    """Return the model to play, the newest one where there is no champion; arguments as in `play`.

    Raises:
        InputError: there is no such variant, or no model of it.
    """
    from models.synthesis.presets import VARIANTS

    if variant not in VARIANTS:
        raise InputError(f"{variant!r} is no variant; there are {', '.join(VARIANTS)}")
    graph = make_graph(settings)
    run = Configuration(graph.environment, "" if variant == VARIANTS[0] else variant)
    if newest or run.variant:
        shards = get(graph.registry.assets["nsynth_shards"].slot(run))
        return _Model(get(graph.registry.assets["synthesis_model"].slot(run)), *_trained_on(shards))
    model = find(graph.registry.assets["synthesis_champion"].slot(run))
    if model is None:
        return replace(_model(settings, variant, newest=True), unproven=True)
    described = read_checked_json(model / RECORD)
    return _Model(model, described["instruments"], described["velocities"])


def _number(model: _Model, instrument: str) -> int:
    """Return the number of an instrument that is given by its name or its number.

    Raises:
        InputError: there is no such instrument.
    """
    numbers = model.instruments
    if instrument in numbers:
        return int(numbers[instrument])
    if instrument.isdecimal() and int(instrument) in set(numbers.values()):
        return int(instrument)
    names = sorted(numbers)
    raise InputError(f"instrument {instrument!r} is not in the data; there are {', '.join(names[:8])} … ({len(names)})")


def _trained_on(notes: Path) -> tuple[dict[str, int], list[int]]:
    """Return the instruments (number by name) and the velocities in the shards of notes."""
    from data.shards.reader import Shards

    table = Shards(notes).table.select(["instrument", "instrument_name", "velocity"]).to_pandas()
    numbers = dict(zip(table["instrument_name"], table["instrument"].tolist(), strict=True))
    return numbers, sorted(set(table["velocity"].tolist()))
