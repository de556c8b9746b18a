"""Synthesises a note with the model in use."""

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
class Note:
    """Labels of the note to synthesise.

    Attributes:
        instrument: name of the instrument in the data, or its number as text.
        pitch: MIDI pitch; 60 is middle C.
        velocity: MIDI velocity, one of those in the data.
    """

    instrument: str
    pitch: int
    velocity: int


def play(settings: Settings, note: Note, output: Path, variant: str, *, newest: bool) -> dict[str, Any]:
    """Synthesise a note and write it as a WAV or FLAC file (4 s, 16 kHz, 16 bit).

    Args:
        settings: the settings, which name the store and the preset.
        note: labels of the note.
        output: file to write; its ending decides the format.
        variant: name of the model's variant, one of `VARIANTS`.
        newest: whether to take the newest model instead of the champion. Champions exist of the main variant only.
            The newest one is taken too where none has been promoted yet.

    Returns:
        "output", "instrument" (its name), "pitch", "velocity", "model" (folder of the model) and "unproven" (whether it
        is the newest one because none has been promoted yet).

    Raises:
        InputError: there is no such model, instrument, pitch or velocity, or the file cannot be written.

    Example:
        >>> note = Note("organ_electronic_000", pitch=62, velocity=75)
        >>> play(Settings.read(), note, Path("note.wav"), "spectral", newest=False)
    """
    import torch

    from data.files.audio import WRITTEN, to_pcm16, write_sound
    from data.nsynth.dataset import SAMPLE_RATE
    from models.synthesis.synthesize import NoteLabel, synthesize
    from models.synthesis.train import load_sing

    target = check_target(output, WRITTEN)
    model = _model(settings, variant, newest=newest)
    numbers = model.instruments
    known = note.instrument in numbers or (note.instrument.isdigit() and int(note.instrument) in set(numbers.values()))
    if not known:
        names = sorted(numbers)
        raise InputError(
            f"instrument {note.instrument!r} is not in the data; there are {', '.join(names[:8])} … ({len(names)})"
        )
    if note.velocity not in model.velocities:
        raise InputError(f"velocity {note.velocity}: the model was trained on {', '.join(map(str, model.velocities))}")
    number = int(numbers.get(note.instrument, note.instrument))
    network = load_sing(model.folder, torch.device(settings.environment().torch_device()))
    wave = next(synthesize(network, [NoteLabel(number, note.pitch, note.velocity)]))
    write_sound(target, to_pcm16(wave), SAMPLE_RATE)
    name = next(one for one, value in numbers.items() if value == number)
    played = {"instrument": name, "pitch": note.pitch, "velocity": note.velocity}
    return {"output": str(output), **played, "model": str(model.folder), "unproven": model.unproven}


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
    if newest:
        shards = get(graph.registry.assets["nsynth_shards"].slot(run))
        return _Model(get(graph.registry.assets["synthesis_model"].slot(run)), *_trained_on(shards))
    if run.variant:
        raise InputError(f"there are champions of {VARIANTS[0]} only; play the newest {variant} model with --newest")
    model = find(graph.registry.assets["synthesis_champion"].slot(run))
    if model is None:
        return replace(_model(settings, variant, newest=True), unproven=True)
    described = read_checked_json(model / RECORD)
    return _Model(model, described["instruments"], described["velocities"])


def _trained_on(notes: Path) -> tuple[dict[str, int], list[int]]:
    """Return the instruments (number by name) and the velocities in the shards of notes."""
    from data.shards.reader import Shards

    table = Shards(notes).table.select(["instrument", "instrument_name", "velocity"]).to_pandas()
    numbers = dict(zip(table["instrument_name"], table["instrument"].tolist(), strict=True))
    return numbers, sorted(set(table["velocity"].tolist()))
