"""Plays ranges of notes, chords and MIDI files with SING, one instrument at a time.

A note of SING lasts 4 s and knows nothing of its length, so a shorter one is cut off and fades out; a longer one ends
after 4 s. Each pair of pitch and velocity is synthesised once, however often it is played.

Shapes: T samples at 16 kHz.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mido import MidiFile
from mido.midifiles.meta import KeySignatureError

from data.errors import InputError
from data.files.regular import printable, read_regular
from data.nsynth.dataset import FRAMES, PITCHES, SAMPLE_RATE
from data.progress import Listener, ignore
from models.synthesis.load import Player
from models.synthesis.synthesize import NoteLabel, synthesize

_LONGEST = FRAMES / SAMPLE_RATE  # seconds of a note
_RELEASE = 0.08  # seconds over which a note that is cut off fades out
_STEP = 1.0  # seconds between the notes of a range
_LARGEST_MIDI, _MOST_NOTES, _MOST_SECONDS = 1_000_000, 200_000, 7200.0
_DRUMS = 9  # channel of percussion in General MIDI, counted from 0


@dataclass(frozen=True)
class Event:
    """A note to be played.

    Attributes:
        onset: when it begins, in seconds.
        seconds: how long it lasts.
        pitch: MIDI pitch.
        velocity: MIDI velocity, 1 to 127.
    """

    onset: float
    seconds: float
    pitch: int
    velocity: int


def parse_pitches(text: str, velocity: int) -> list[Event]:
    """Return the notes that a text tells: "60" is a note, "48-72" all from one to the other, "60,64,67" a chord.

    Args:
        text: pitches as MIDI note numbers.
        velocity: velocity of all of them.

    Raises:
        InputError: the text is none of these, or a pitch is not known; the message names it.

    Example:
        >>> [one.pitch for one in parse_pitches("60,64,67", 75)]
        [60, 64, 67]
    """
    if not re.fullmatch(r"\d{1,3}(-\d{1,3}|(,\d{1,3})*)", text):
        raise InputError(f"--pitch {text}: write a MIDI note number (60), a range (48-72) or a chord (60,64,67)")
    first, dash, last = text.partition("-")
    if not dash:
        return [Event(0.0, _LONGEST, _known(int(one)), velocity) for one in dict.fromkeys(text.split(","))]
    low, high = _known(int(first)), _known(int(last))
    order = range(low, high + 1) if low <= high else range(low, high - 1, -1)
    return [
        Event(place * _STEP, _LONGEST if pitch == high else _STEP, pitch, velocity) for place, pitch in enumerate(order)
    ]


def read_midi(path: Path) -> list[Event]:
    """Return the notes of a MIDI file, all tracks and channels but percussion, by its tempo.

    Raises:
        InputError: the file is no MIDI file, has no note or too many, or lasts more than two hours.

    Example:
        >>> read_midi(Path("song.mid"))[0]
    """
    name = printable(path)
    try:
        file = MidiFile(file=io.BytesIO(read_regular(path, _LARGEST_MIDI)))
        events = _notes(file, name)
    except (OSError, ValueError, EOFError, LookupError, TypeError, ArithmeticError, KeySignatureError) as error:
        raise InputError(f"{name}: no MIDI file that can be read ({error or type(error).__name__})") from error
    if not events:
        raise InputError(f"{name}: no note in it, percussion apart")
    return events


def render(
    network: Player, instrument: int, events: Sequence[Event], velocities: Sequence[int], listener: Listener = ignore
) -> tuple[np.ndarray, float]:
    """Play notes with an instrument.

    Args:
        network: trained SING, or the network of the variant `harmonic`.
        instrument: number of the instrument.
        events: the notes, at least one.
        velocities: velocities that the network was trained on; each note takes the nearest.
        listener: receives progress reports.

    Returns:
        The sound, float32, (T,), with the fade of a last note that is cut off, and the gain in dB that keeps it within
        full scale, 0 or less.

    Raises:
        InputError: a pitch or the instrument is not known to the network.
    """
    played = [(one, min(velocities, key=lambda known: abs(known - one.velocity))) for one in events]
    needed = sorted({(one.pitch, velocity) for one, velocity in played})
    labels = [NoteLabel(instrument, pitch, velocity) for pitch, velocity in needed]
    sounds = dict(zip(needed, synthesize(network, labels, listener=listener), strict=True))
    end = max(one.onset + min(one.seconds, _LONGEST) for one in events)
    mixed = np.zeros(round((end + _RELEASE) * SAMPLE_RATE) + 1, np.float32)
    for one, velocity in played:
        start, wave = round(one.onset * SAMPLE_RATE), _cut(sounds[one.pitch, velocity], one.seconds)
        mixed[start : start + len(wave)] += wave[: len(mixed) - start]
    peak = float(np.abs(mixed).max())
    gain = min(0.0, -20 * np.log10(peak)) if peak else 0.0
    release = (
        _RELEASE if any(one.seconds < _LONGEST and one.onset + one.seconds > end - 1e-6 for one in events) else 0.0
    )
    return mixed[: round((end + release) * SAMPLE_RATE)] * np.float32(10 ** (gain / 20)), float(gain)


def _cut(wave: np.ndarray, seconds: float) -> np.ndarray:
    """Return a note cut to a length with a fade; a note of 4 s or more is left as it is."""
    if seconds >= _LONGEST:
        return wave
    held, release = round(seconds * SAMPLE_RATE), round(_RELEASE * SAMPLE_RATE)
    cut = wave[: held + release].copy()
    fade = max(0, len(cut) - held)
    cut[held:] *= np.linspace(1, 0, fade, endpoint=False, dtype=np.float32) if fade else 1
    return cut


def _known(pitch: int) -> int:
    if not 0 <= pitch < PITCHES:
        raise InputError(f"pitch {pitch}: MIDI notes 0 to {PITCHES - 1} are known")
    return pitch


def _notes(file: MidiFile, name: str) -> list[Event]:
    """Return the notes of a MIDI file; a note that is not ended lasts to the end of the file."""
    now, sounding, events = 0.0, {}, []
    for message in file:
        now += float(message.time)
        if now > _MOST_SECONDS or len(events) > _MOST_NOTES:
            raise InputError(f"{name}: longer than {_MOST_SECONDS:.0f} s or more than {_MOST_NOTES:,} notes; cut it")
        if message.type not in ("note_on", "note_off") or message.channel == _DRUMS:
            continue
        key = (message.channel, message.note)
        if key in sounding:
            onset, velocity = sounding.pop(key)
            events.append(Event(onset, now - onset, message.note, velocity))
        if message.type == "note_on" and message.velocity > 0:
            sounding[key] = (now, message.velocity)
    events += [Event(onset, now - onset, note, velocity) for (_, note), (onset, velocity) in sounding.items()]
    return sorted((one for one in events if one.seconds > 0), key=lambda one: (one.onset, one.pitch))
