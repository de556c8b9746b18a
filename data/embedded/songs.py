"""Generates the demo songs: drums, bass, chords, a lead and a singer, in the on-disk format of MUSDB18-HQ.

All songs are computed: nothing is downloaded, no licence applies, and the mixture is exactly the sum of its sources.
Songs differ in tempo, key, rhythm, instruments and singer; the chords are I-V-vi-IV. The instruments are those of the
demo notes.

Shapes: T samples.
"""

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import fftconvolve, lfilter

from data.embedded.marker import is_made
from data.embedded.notes import note
from data.embedded.singer import CONSONANTS, VOWELS, Singer, Sung, make_singer, sing
from data.files.audio import resample, write_sound
from data.files.durable import write_json
from data.musdb.dataset import SAMPLE_RATE, SOURCES
from data.nsynth.dataset import SAMPLE_RATE as NOTE_RATE
from data.progress import Listener, Progress, ignore

VERSION = 2
SONGS = 12
SINGERS = 8
_BARS = 8
_CHORDS = ((0, (0, 4, 7)), (7, (0, 4, 7)), (9, (0, 3, 7)), (5, (0, 4, 7)))  # semitones above the tonic: root, intervals
_SCALE = frozenset({0, 2, 4, 5, 7, 9, 11})
_BASSES, _CHORDAL, _LEADS = (0, 2, 3), (0, 1, 2, 4, 5, 8), (3, 6, 7, 9)  # indices of `notes.INSTRUMENTS`
_LEVEL = 0.95


@dataclass(frozen=True)
class Song:
    """One generated song.

    Attributes:
        sources: int16, (T, 2), by name: the mixture first, then the sources that sum exactly to it.
        hertz: pitch of the vocals in Hz at each control frame (`data.embedded.singer.CONTROL_RATE`).
        voiced: whether there is an audible pitch at each control frame.
        singer: number of the singer.
    """

    sources: dict[str, np.ndarray]
    hertz: np.ndarray
    voiced: np.ndarray
    singer: int


def melody(seed: int, beat: float, key: int, singer: Singer) -> list[Sung]:
    """Return a melody of random syllables over the chords, within the singer's range.

    Args:
        seed: seed of the melody.
        beat: duration of a beat in seconds.
        key: tonic of the key in semitones above C.
        singer: the singer.
    """
    draw = np.random.default_rng([seed, 3])
    syllables = [(consonant, vowel) for consonant in CONSONANTS for vowel in VOWELS]
    found, current = [], (singer.lowest + singer.highest) // 2
    for bar in range(_BARS):
        root, intervals = _CHORDS[bar % len(_CHORDS)]
        chord = {(root + one) % 12 for one in intervals}
        position = 1.0 if bar % 4 == 3 and draw.random() < 0.6 else 0.0
        while position < 3.9:
            length = min(float(draw.choice([0.5, 0.5, 1, 1, 1.5, 2])), 4 - position)
            rests = draw.random() < 0.12
            if not rests:
                allowed = chord if position % 1 == 0 else _SCALE
                near = np.array(
                    [one for one in range(singer.lowest, singer.highest + 1) if (one - key) % 12 in allowed]
                )
                weight = np.exp(-np.abs(near - current) / 2.5)
                current = int(draw.choice(near, p=weight / weight.sum()))
                start = (bar * 4 + position) * beat
                found.append(Sung(start, length * beat * 0.96, current, *syllables[draw.integers(len(syllables))]))
            position += length
    return found


@functools.lru_cache(maxsize=256)
def _note(instrument: int, pitch: int, seconds: float) -> np.ndarray:
    """Return a note at 44.1 kHz, (T,), that fades out within 0.1 s after `seconds`."""
    wave = note(instrument, pitch, 96)[: int((seconds + 0.1) * NOTE_RATE)]
    fade = int(0.1 * NOTE_RATE)
    wave[-fade:] *= np.linspace(1, 0, fade)
    return resample(wave, NOTE_RATE, SAMPLE_RATE)


def _drum(kind: str, seed: int) -> np.ndarray:
    """Return one hit of a drum at 44.1 kHz, (T,); `kind` is "kick", "snare", "hat" or "open hat"."""
    draw = np.random.default_rng([seed, 13, len(kind)])
    time = np.arange(int(0.4 * SAMPLE_RATE)) / SAMPLE_RATE
    noise = draw.standard_normal(len(time))
    if kind == "kick":
        cycles = 48 * time + 110 / 35 * (1 - np.exp(-35 * time))
        return np.sin(2 * np.pi * cycles) * np.exp(-time / 0.11) + 0.1 * noise * np.exp(-time / 0.004)
    if kind == "snare":
        return 0.5 * np.sin(2 * np.pi * 190 * time) * np.exp(-time / 0.05) + 0.4 * noise * np.exp(-time / 0.08)
    bright = np.asarray(lfilter([1, -0.95], [1], noise))
    return 0.5 * bright * np.exp(-time / (0.15 if kind == "open hat" else 0.03))


class _Mixer:
    """Mixes mono sounds into stereo sources, (T, 2) float each."""

    def __init__(self, seconds: float) -> None:
        self.sources = {name: np.zeros((int(seconds * SAMPLE_RATE), 2)) for name in SOURCES[1:]}

    def put(self, source: str, wave: np.ndarray, seconds: float, level: float, pan: float = 0.0) -> None:
        """Add `wave` at `seconds` to a source; `pan` goes from -1 (left) to 1 (right) at constant power."""
        target = self.sources[source]
        start = max(0, round(seconds * SAMPLE_RATE))
        count = max(0, min(len(wave), len(target) - start))
        sides = np.sqrt([1 - pan, 1 + pan])
        target[start : start + count] += level * wave[:count, None] * sides

    def reverberate(self, source: str, level: float, draw: np.random.Generator) -> None:
        """Add reverberation: convolution with 0.9 s of exponentially decaying noise, different left and right."""
        time = np.arange(int(0.9 * SAMPLE_RATE))[:, None] / SAMPLE_RATE
        response = draw.standard_normal((len(time), 2)) * np.exp(-time / 0.22)
        response /= np.sqrt(np.square(response).sum(0))
        dry = self.sources[source]
        self.sources[source] = dry + level * fftconvolve(dry, response, axes=0)[: len(dry)]

    def pcm(self) -> dict[str, np.ndarray]:
        """Return int16 sources and, first, the mixture, which is exactly their sum and peaks below full scale."""
        peak = np.abs(sum(self.sources.values())).max()
        found = {name: np.rint(wave * (_LEVEL * 32767 / peak)).astype(np.int16) for name, wave in self.sources.items()}
        total = sum(one.astype(np.int32) for one in found.values())
        return {"mixture": np.asarray(total, np.int16), **found}


def make_song(seed: int, singer: int | None = None) -> Song:
    """Return song number `seed`, sung by the singer of that number; by default, one of the singers of the demo songs.

    Example:
        >>> vocals = make_song(0).sources["vocals"]  # int16, (T, 2)
    """
    draw = np.random.default_rng([VERSION, seed])
    beat, key, number = (
        60 / int(draw.integers(80, 128)),
        int(draw.integers(12)),
        seed % SINGERS if singer is None else singer,
    )
    mixer, put = _Mixer(_BARS * 4 * beat + 1), None
    put = mixer.put
    _play_drums(put, beat, seed, draw)
    _play_band(put, beat, key, draw)
    voice_of = make_singer(number)
    voice = sing(melody(seed, beat, key, voice_of), voice_of, SAMPLE_RATE, seed)
    put("vocals", voice.wave, 0.0, 1.05)
    for source, level in (("vocals", 0.25), ("other", 0.2)):
        mixer.reverberate(source, level, draw)
    return Song(mixer.pcm(), voice.hertz, voice.voiced, number)


Put = Callable[..., None]


def _play_drums(put: Put, beat: float, seed: int, draw: np.random.Generator) -> None:
    """Play a pattern of sixteenth notes with slight timing deviations."""
    pattern = draw.random(16) < 0.22
    pattern[[0, 8]] = True
    kit = {kind: _drum(kind, seed) for kind in ("kick", "snare", "hat", "open hat")}
    for bar in range(_BARS):
        for sixteenth in range(16):
            time = (bar * 4 + sixteenth / 4) * beat + draw.normal(0, 0.003)
            if pattern[sixteenth]:
                put("drums", kit["kick"], time, 0.8)
            if sixteenth in (4, 12):
                put("drums", kit["snare"], time, 0.6 * draw.uniform(0.85, 1), 0.05)
            if sixteenth % 2 == 0:
                put("drums", kit["open hat" if sixteenth == 14 else "hat"], time, 0.22 * draw.uniform(0.6, 1), 0.3)


def _play_band(put: Put, beat: float, key: int, draw: np.random.Generator) -> None:
    """Play bass, chords (held or broken) and occasional notes of a lead."""
    bass, chordal, lead = (int(draw.choice(group)) for group in (_BASSES, _CHORDAL, _LEADS))
    broken = bool(draw.integers(2))
    for bar in range(_BARS):
        root, intervals = _CHORDS[bar % len(_CHORDS)]
        begin = bar * 4 * beat
        for sixteenth in (0, 6, 10):
            put("bass", _note(bass, 36 + (key + root) % 12, round(beat, 3)), begin + sixteenth * beat / 4, 0.45)
        for voice, interval in enumerate(intervals):
            pitch, pan = 55 + (key + root + interval - 7) % 12, 0.4 * (voice - 1)
            if broken:
                for eighth in range(voice, 8, 3):
                    put("other", _note(chordal, pitch, round(beat * 0.6, 3)), begin + eighth * beat / 2, 0.25, pan)
            else:
                put("other", _note(chordal, pitch, min(3.8, round(4 * beat * 0.95, 3))), begin, 0.22, pan)
        if draw.random() < 0.5:
            pitch = 72 + (key + root + intervals[draw.integers(3)]) % 12
            put("other", _note(lead, pitch, round(beat, 3)), begin + draw.integers(4) * beat, 0.16, -0.5)


def make_songs(folder: Path, *, listener: Listener = ignore, threads: int = 1) -> Path:
    """Write the demo songs to `folder`/musdb18hq and return that folder; return at once if they exist.

    Every fourth song is a test song. The file `complete.json` is written last and marks the songs as complete.

    Args:
        folder: where to write.
        listener: receives progress reports.
        threads: number of threads that make songs; the files do not depend on it.

    Example:
        >>> tracks = find_tracks(make_songs(Path("downloads")))
    """
    root = folder / "musdb18hq"
    marker = root / "complete.json"
    if is_made(marker, VERSION):
        return root
    progress = Progress("demo songs", total=SONGS, unit="songs", listener=listener)

    def write(seed: int) -> None:
        name = f"Tessitura Singer {seed % SINGERS} - Song {seed:02d}"
        for source, pcm in make_song(seed).sources.items():
            write_sound(root / ("test" if seed % 4 == 3 else "train") / name / f"{source}.wav", pcm, SAMPLE_RATE)

    with ThreadPoolExecutor(threads) as pool:  # numpy works outside the interpreter lock
        for _ in pool.map(write, range(SONGS)):
            progress.advance()
    write_json(marker, {"version": VERSION, "songs": SONGS})
    progress.finish()
    return root
