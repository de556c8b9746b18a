"""Generates the demo singers: clips of singing with accompaniment and exact F0, in the on-disk format of MIR-1K.

    <singer>_<song>_<clip>.wav      16 kHz stereo: accompaniment left, voice right
    <singer>_<song>_<clip>.f0.csv   seconds and Hz every 5 ms, 0 where unvoiced
    complete.json                   written last; marks the folder as embedded singers

Eight singers, four high and four low voices, differ in range, vocal tract, breath, vibrato and diction. One of them,
the target singer, has more songs than the others. Nothing is downloaded, and no licence applies.

Shapes: T samples, N control frames (200 per second).
"""

import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from data.embedded.marker import is_made
from data.embedded.notes import note
from data.embedded.singer import CONSONANTS, CONTROL_RATE, VOWELS, Singer, Sung, make_singer, sing
from data.files.audio import to_pcm16, write_sound
from data.files.durable import write_bytes, write_json
from data.nsynth.dataset import SAMPLE_RATE as NOTE_RATE
from data.progress import Listener, Progress, ignore
from data.voices.index import RATE
from data.voices.layouts import KIND, MARKER

VERSION = 2
NAMES = ("mira", "anton", "lena", "bruno", "ida", "karl", "tilda", "otto")  # even ones are high voices
SECONDS = 6.0
CLIPS = 2  # of each song
SONGS, TARGET_SONGS = 3, 7
_CHORDS = ((0, (0, 4, 7)), (9, (0, 3, 7)), (5, (0, 4, 7)), (7, (0, 4, 7)))  # semitones above the tonic: root, intervals
_SCALE = (0, 2, 4, 5, 7, 9, 11)
_CHORDAL = (0, 1, 2, 4, 5, 8)  # indices of `notes.INSTRUMENTS`
_LEVEL = 0.7  # peak of both channels


@dataclass(frozen=True)
class Take:
    """One clip.

    Attributes:
        voice: float32, 16 kHz, (T,).
        accompaniment: float32, 16 kHz, (T,).
        hertz: F0 in Hz at each control frame, 0 where unvoiced, (N,).
    """

    voice: np.ndarray
    accompaniment: np.ndarray
    hertz: np.ndarray


def find_singer(number: int) -> Singer:
    """Return singer `number`, 0 to 7: even numbers are high voices, odd ones low voices, each with its own range."""
    high, seeds = number % 2 == 0, (seed for seed in range(1000))
    fitting = (one for one in map(make_singer, seeds) if (one.tract > 1.08) == high)
    singer = next(one for place, one in enumerate(fitting) if place == number // 2)
    move = (-2, 3, 1, -3, 4, 0, 2, -1)[number]
    return replace(singer, lowest=singer.lowest + move, highest=singer.highest + move)


def make_take(singer: int, song: int, clip: int) -> Take:
    """Return a clip; clips of a song share its key, tempo and instruments.

    Args:
        singer: number of the singer, 0 to 7.
        song: number of the song.
        clip: number of the clip.

    Example:
        >>> take = make_take(0, 0, 0)
        >>> take.voice.shape, take.hertz.shape
        ((96000,), (1200,))
    """
    who, style = find_singer(singer), np.random.default_rng([VERSION, singer, song])
    beat, key, instrument = 60 / style.uniform(76, 120), int(style.integers(12)), int(style.choice(_CHORDAL))
    draw = np.random.default_rng([VERSION, singer, song, clip])
    samples, frames = round(SECONDS * RATE), round(SECONDS * CONTROL_RATE)
    voice = sing(_melody(draw, who, beat, key), who, RATE, int(draw.integers(1 << 30)))
    wave = np.pad(voice.wave, (0, max(0, samples - len(voice.wave))))[:samples] * draw.uniform(0.4, 1.0)
    hertz = np.where(voice.voiced, voice.hertz, 0.0)
    hertz = np.pad(hertz, (0, max(0, frames - len(hertz))))[:frames]
    band = _band(draw, beat, key, instrument)
    return Take((_LEVEL * wave).astype(np.float32), (_LEVEL * band / np.abs(band).max()).astype(np.float32), hertz)


def _melody(draw: np.random.Generator, singer: Singer, beat: float, key: int) -> list[Sung]:
    """Return a melody of random syllables in phrases with rests; notes move by small steps of the scale."""
    allowed = [one for one in range(singer.lowest, singer.highest + 1) if (one - key) % 12 in _SCALE]
    syllables = [(consonant, vowel) for consonant in CONSONANTS for vowel in VOWELS]
    place, found, start = int(draw.integers(len(allowed))), [], float(draw.uniform(0.1, 0.5))
    while True:
        length = beat * float(draw.choice([0.5, 0.5, 1, 1, 1.5, 2]))
        if start + length > SECONDS - 0.3:
            return found or [Sung(0.2, 1.0, allowed[place], "l", "a")]
        place = int(np.clip(place + draw.integers(-3, 4), 0, len(allowed) - 1))
        found.append(Sung(start, 0.96 * length, allowed[place], *syllables[draw.integers(len(syllables))]))
        start += length + (float(draw.uniform(0.3, 0.7)) if draw.random() < 0.18 else 0.0)


def _band(draw: np.random.Generator, beat: float, key: int, instrument: int) -> np.ndarray:
    """Return an accompaniment, (T,): chords, bass and beats."""
    samples = round(SECONDS * RATE)
    wave = np.zeros(samples + RATE)
    place, bar = 0.0, 4 * beat
    time = np.arange(int(0.25 * RATE)) / RATE
    kick = np.sin(2 * np.pi * (48 * time + 3 * (1 - np.exp(-35 * time)))) * np.exp(-time / 0.1)
    while place < SECONDS:
        root, intervals = _CHORDS[int(place / bar) % len(_CHORDS)]
        for interval in intervals:
            _add(wave, 0.3 * _tone(instrument, 55 + (key + root + interval) % 12, bar), place)
        for quarter in range(4):
            when = place + quarter * beat
            _add(wave, 0.5 * _tone(3, 36 + (key + root) % 12, beat), when)
            _add(wave, 0.6 * kick if quarter % 2 == 0 else 0.25 * draw.standard_normal(len(time)) * kick.std(), when)
            for eighth in (0.0, 0.5):
                hiss = draw.standard_normal(RATE // 20) * np.exp(-np.arange(RATE // 20) / (0.012 * RATE))
                _add(wave, 0.08 * np.diff(hiss, prepend=0.0), when + eighth * beat)
        place += bar
    return wave[:samples]


@functools.lru_cache(maxsize=128)
def _note(instrument: int, pitch: int) -> np.ndarray:
    """Return the first 3.5 s of a demo note at 16 kHz, float32, (T,)."""
    return note(instrument, pitch, 96)[: round(3.5 * NOTE_RATE)].astype(np.float32)


def _tone(instrument: int, pitch: int, seconds: float) -> np.ndarray:
    """Return a note at 16 kHz, (T,), that lasts at most `seconds` and fades out."""
    wave = _note(instrument, pitch)[: round(seconds * NOTE_RATE)].copy()
    fade = min(len(wave), NOTE_RATE // 20)
    wave[-fade:] *= np.linspace(1, 0, fade)
    return wave


def _add(wave: np.ndarray, sound: np.ndarray, seconds: float) -> None:
    """Add a sound to a wave at a time; what goes beyond its end is cut off."""
    start = round(seconds * RATE)
    count = max(0, min(len(sound), len(wave) - start))
    wave[start : start + count] += sound[:count]


def make_voices(folder: Path, *, listener: Listener = ignore, threads: int = 1) -> Path:
    """Write the demo singers to `folder`/voices and return that folder; return at once if they exist.

    Args:
        folder: where to write.
        listener: receives progress reports.
        threads: number of threads that make recordings; the files do not depend on it.

    Example:
        >>> recordings = find_recordings(make_voices(Path("downloads")))  # doctest: +SKIP
    """
    root = folder / "voices"
    marker = root / MARKER
    if is_made(marker, VERSION):
        return root
    takes = [
        (singer, song, clip)
        for singer in range(len(NAMES))
        for song in range(TARGET_SONGS if singer == 0 else SONGS)
        for clip in range(CLIPS)
    ]
    progress = Progress("demo singers", total=len(takes), unit="clips", listener=listener)

    def write(numbers: tuple[int, int, int]) -> None:
        singer, song, clip = numbers
        take, name = make_take(*numbers), f"{NAMES[singer]}_{song + 1}_{clip + 1:02d}"
        lines = [f"{frame / CONTROL_RATE:.3f},{one:.3f}" for frame, one in enumerate(take.hertz)]
        write_bytes(root / f"{name}.f0.csv", "\n".join(["seconds,hertz", *lines, ""]).encode())
        write_sound(root / f"{name}.wav", to_pcm16(np.stack([take.accompaniment, take.voice], 1)), RATE)

    with ThreadPoolExecutor(threads) as pool:  # numpy works outside the interpreter lock
        for _ in pool.map(write, takes):
            progress.advance()
    write_json(marker, {"kind": KIND, "version": VERSION, "clips": len(takes)})
    progress.finish()
    return root
