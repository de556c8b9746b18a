"""Synthesises notes, chords and MIDI files with the model in use."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.champion import RECORD
from assets.environment import Configuration
from assets.store.pointers import find, get
from data.errors import InputError
from data.files.checked_json import read_checked_json
from data.files.targets import check_target
from pipelines.definitions import make_graph
from pipelines.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from models.synthesis.load import Player
    from models.synthesis.music import Event

MAIN = "spectral"  # the variant that has champions


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
    from data.files.audio import WRITTEN, to_pcm16, write_sound
    from data.nsynth.dataset import SAMPLE_RATE
    from models.synthesis.music import parse_pitches, read_midi

    if (music.midi is None) == (not music.pitch):
        raise InputError("give either a pitch or a MIDI file: --pitch 60 or --midi song.mid")
    target = check_target(output, WRITTEN)
    model = find_model(settings, variant, newest=newest)
    number = model.number(music.instrument)
    if music.midi is None:
        model.check_velocity(music.velocity)
    events = parse_pitches(music.pitch, music.velocity) if music.midi is None else read_midi(music.midi)
    wave, gain = Synthesizer(_network(settings, model), model).play(music.instrument, events)
    write_sound(target, to_pcm16(wave), SAMPLE_RATE)
    name = next(one for one, value in model.instruments.items() if value == number)
    asked = {"midi": str(music.midi)} if music.midi else {"pitch": music.pitch, "velocity": music.velocity}
    made = {"notes": len(events), "seconds": len(wave) / SAMPLE_RATE, "gain_db": round(gain, 2)}
    where = {"model": str(model.folder), "unproven": model.unproven}
    return {"output": str(output), "instrument": name, **asked, **made, **where}


def load_synthesizer(settings: Settings | None = None, variant: str = MAIN, *, newest: bool = False) -> "Synthesizer":
    """Return the model of SING in use, ready to play.

    Args:
        settings: the settings, which name the store and the preset; those of this environment by default.
        variant: name of the model's variant.
        newest: whether to take the newest model instead of the champion. The newest one is taken too where none has
            been promoted yet; `Synthesizer.model` tells it.

    Raises:
        InputError: there is no such variant, or no model of it.

    Example:
        >>> synthesizer = load_synthesizer()
        >>> wave = synthesizer.note("organ_electronic_000", pitch=62, velocity=75)
    """
    settings = settings or Settings.read()
    model = find_model(settings, variant, newest=newest)
    return Synthesizer(_network(settings, model), model)


def _network(settings: Settings, model: "Model") -> "Player":
    """Return the network of a model, on the device of the settings."""
    import torch

    from models.synthesis.load import load_player

    return load_player(model.folder, torch.device(settings.environment().torch_device()))


@dataclass(frozen=True)
class Model:
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

    def number(self, instrument: str) -> int:
        """Return the number of an instrument that is given by its name or its number.

        Raises:
            InputError: there is no such instrument.
        """
        if instrument in self.instruments:
            return int(self.instruments[instrument])
        if instrument.isdecimal() and int(instrument) in set(self.instruments.values()):
            return int(instrument)
        names = sorted(self.instruments)
        first = ", ".join(names[:8])
        raise InputError(f"instrument {instrument!r} is not in the data; there are {first} … ({len(names)})")

    def check_velocity(self, velocity: int) -> None:
        """Raise `InputError` if the model was not trained on a velocity."""
        if velocity not in self.velocities:
            raise InputError(f"velocity {velocity}: the model was trained on {', '.join(map(str, self.velocities))}")


@dataclass(frozen=True)
class Synthesizer:
    """A trained model of SING that plays notes and music.

    Attributes:
        network: the network.
        model: its folder, its instruments and its velocities.

    Example:
        >>> wave = load_synthesizer().note("organ_electronic_000", pitch=62, velocity=75)
    """

    network: "Player"
    model: Model

    def note(self, instrument: str, pitch: int, velocity: int = 75) -> "np.ndarray":
        """Return a note, float32, (64000,): 4 s at 16 kHz, full scale [-1, 1], not clipped.

        Args:
            instrument: name of the instrument in the data, or its number as text.
            pitch: MIDI pitch, 0 to 120 (60 is middle C).
            velocity: MIDI velocity, one of `model.velocities`.

        Raises:
            InputError: there is no such instrument, pitch or velocity.
        """
        from models.synthesis.synthesize import NoteLabel, synthesize

        self.model.check_velocity(velocity)
        [wave] = synthesize(self.network, [NoteLabel(self.model.number(instrument), pitch, velocity)])
        return wave

    def play(self, instrument: str, events: "Sequence[Event]") -> "tuple[np.ndarray, float]":
        """Return notes that are played together or one after the other, and the gain that keeps them in full scale.

        Args:
            instrument: name of the instrument in the data, or its number as text.
            events: the notes (`models.synthesis.music.Event`); each takes the nearest velocity of the model.

        Returns:
            The sound, float32, (T,), 16 kHz, and the gain in dB, 0 or less.

        Raises:
            InputError: there is no such instrument or pitch.
        """
        from models.synthesis.music import render

        return render(self.network, self.model.number(instrument), events, self.model.velocities)


def find_model(settings: Settings, variant: str, *, newest: bool) -> Model:
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
        return Model(get(graph.registry.assets["synthesis_model"].slot(run)), *_trained_on(shards))
    model = find(graph.registry.assets["synthesis_champion"].slot(run))
    if model is None:
        return replace(find_model(settings, variant, newest=True), unproven=True)
    described = read_checked_json(model / RECORD)
    return Model(model, described["instruments"], described["velocities"])


def _trained_on(notes: Path) -> tuple[dict[str, int], list[int]]:
    """Return the instruments (number by name) and the velocities in the shards of notes."""
    from data.shards.reader import Shards

    table = Shards(notes).table.select(["instrument", "instrument_name", "velocity"]).to_pandas()
    numbers = dict(zip(table["instrument_name"], table["instrument"].tolist(), strict=True))
    return numbers, sorted(set(table["velocity"].tolist()))
