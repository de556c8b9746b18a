"""Synthesises a singing voice: voiced source, vocal tract, consonants and breath, with its exact pitch.

Made for the demo songs: deterministic, without a download, and with the exact pitch, which pitch metrics need. The
voiced part is a sum of partials weighted by a cascade of ten resonances (Klatt, JASA 1980). Breath and fricatives are
noise, shaped by the first five resonances or by a frequency band of their own.

Shapes: T samples, N control frames (200 per second), F frequency bins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONTROL_RATE = 200
RESONANCES = 5
# In Hz: the first five resonances of an adult male vocal tract (centres), and the bandwidths of all ten.
VOWELS = {
    "a": (730, 1090, 2440, 3400, 4400),
    "e": (530, 1840, 2480, 3500, 4500),
    "i": (280, 2250, 2900, 3600, 4600),
    "o": (500, 900, 2500, 3300, 4300),
    "u": (320, 800, 2250, 3250, 4200),
}
_NEUTRAL = np.array((520.0, 1350.0, 2400.0, 3400.0, 4400.0))
_UPPER = np.array((5500.0, 6600.0, 7700.0, 8800.0, 9900.0))
_BANDWIDTHS = np.array((70, 90, 130, 200, 250, 350, 400, 450, 500, 550.0))
_HIGHEST_HZ = 11_000.0


@dataclass(frozen=True)
class Consonant:
    """How a syllable begins.

    Attributes:
        seconds: duration.
        voice: level of the voiced part.
        noise: level of the frication noise.
        centre: centre frequency of the frication band in Hz.
        width: width of the frication band in Hz.
        locus: frequencies in Hz of the first three resonances during the consonant; empty for those of the vowel.
    """

    seconds: float = 0.0
    voice: float = 1.0
    noise: float = 0.0
    centre: float = 3000.0
    width: float = 2000.0
    locus: tuple[float, ...] = ()


CONSONANTS = {
    "": Consonant(),
    "l": Consonant(0.07, 0.35, locus=(360, 1300, 2700)),
    "m": Consonant(0.08, 0.25, locus=(250, 1000, 2200)),
    "n": Consonant(0.07, 0.25, locus=(250, 1500, 2500)),
    "d": Consonant(0.06, 0.08, 0.5, 3800, 1500, (250, 1800, 2650)),
    "b": Consonant(0.06, 0.08, 0.35, 900, 600, (250, 800, 2200)),
    "g": Consonant(0.07, 0.06, 0.4, 2000, 900, (250, 2000, 2400)),
    "t": Consonant(0.09, 0.0, 0.8, 4500, 2200, (300, 1800, 2650)),
    "k": Consonant(0.09, 0.0, 0.7, 2200, 1200, (300, 2000, 2400)),
    "s": Consonant(0.13, 0.0, 0.9, 6800, 2500, (300, 1700, 2600)),
    "sh": Consonant(0.13, 0.0, 0.9, 3500, 1800, (300, 1900, 2600)),
    "h": Consonant(0.08, 0.0, 0.35, 1500, 3000),
    "v": Consonant(0.08, 0.3, 0.25, 5000, 4000, (280, 1100, 2300)),
    "r": Consonant(0.07, 0.5, locus=(350, 1150, 1600)),
    "w": Consonant(0.08, 0.45, locus=(300, 700, 2200)),
    "y": Consonant(0.08, 0.45, locus=(280, 2200, 2900)),
}


@dataclass(frozen=True)
class Singer:
    """Parameters that distinguish one voice from another.

    Attributes:
        lowest, highest: pitch range, MIDI.
        tract: factor of the resonance frequencies relative to an adult male.
        colour: factor of each of the first five resonance frequencies.
        tilt: slope of the source spectrum: partial amplitudes fall by `tilt` - 3 dB per octave.
        breath: level of the aspiration noise.
        vibrato_hz, vibrato: vibrato rate in Hz, and depth in semitones.
        jitter: size of the random pitch fluctuations, in semitones.
        glide: time constant in seconds of the pitch glide (scoop) into a note.
        neutral: how far vowels move towards the neutral vowel, 0 to 1.
        ring: gain of the singer's formant near 3 kHz, in dB.
    """

    lowest: int
    highest: int
    tract: float
    colour: tuple[float, ...]
    tilt: float
    breath: float
    vibrato_hz: float
    vibrato: float
    jitter: float
    glide: float
    neutral: float
    ring: float


@dataclass(frozen=True)
class Sung:
    """One syllable on one note.

    Attributes:
        start: beginning in seconds.
        seconds: duration.
        pitch: MIDI note number.
        consonant: key of `CONSONANTS`, "" for none.
        vowel: key of `VOWELS`.
    """

    start: float
    seconds: float
    pitch: int
    consonant: str
    vowel: str


@dataclass(frozen=True)
class Voice:
    """A synthesised vocal line and its exact pitch.

    Attributes:
        wave: waveform, float, (T,), peak 0.8.
        hertz: pitch in Hz at each control frame, (N,); interpolated between notes.
        voiced: whether there is an audible pitch at each control frame, (N,).
    """

    wave: np.ndarray
    hertz: np.ndarray
    voiced: np.ndarray


def make_singer(seed: int) -> Singer:
    """Return singer number `seed`, a high or a low voice with equal probability."""
    draw = np.random.default_rng([seed, 7])
    high = bool(draw.integers(2))
    return Singer(
        lowest=57 if high else 45,
        highest=74 if high else 62,
        tract=draw.uniform(1.12, 1.22) if high else draw.uniform(0.96, 1.05),
        colour=tuple(1 + 0.05 * draw.standard_normal(RESONANCES)),
        tilt=draw.uniform(7, 12),
        breath=draw.uniform(0.02, 0.12),
        vibrato_hz=draw.uniform(4.8, 6.5),
        vibrato=draw.uniform(0.2, 0.6),
        jitter=draw.uniform(0.03, 0.09),
        glide=draw.uniform(0.03, 0.08),
        neutral=draw.uniform(0, 0.25),
        ring=draw.uniform(0, 10),
    )


@dataclass
class _Controls:
    """Time-varying parameters at the control rate: all (N,), except resonances, (N, 5).

    Pitch is in MIDI (NaN where nothing is sung), levels are factors, and resonances, centre and width are in Hz.
    """

    pitch: np.ndarray
    level: np.ndarray
    resonances: np.ndarray
    noise: np.ndarray
    centre: np.ndarray
    width: np.ndarray

    @classmethod
    def still(cls, count: int, singer: Singer) -> "_Controls":
        """Return the controls of `count` frames of silence."""
        resonances = np.tile(_NEUTRAL * singer.tract * np.array(singer.colour), (count, 1))
        silence = np.zeros(count)
        return cls(np.full(count, np.nan), silence, resonances, silence.copy(), silence + 3000, silence + 2000)


def sing(notes: Sequence[Sung], singer: Singer, sample_rate: int, seed: int) -> Voice:
    """Synthesise `notes` with the voice of `singer`.

    Args:
        notes: at least one syllable; in order of time and without overlap.
        singer: voice to use.
        sample_rate: sample rate in Hz.
        seed: seed of everything random in a performance.

    Example:
        >>> voice = sing([Sung(0.0, 0.8, 60, "l", "a")], make_singer(0), 44_100, seed=0)
        >>> voice.wave, voice.hertz  # (T,), (N,)
    """
    draw = np.random.default_rng([seed, 11])
    seconds = max(note.start + note.seconds for note in notes) + 0.4
    controls = _Controls.still(int(seconds * CONTROL_RATE), singer)
    before: int | None = None
    for note in notes:
        _shape(controls, note, singer, before, draw)
        before = note.pitch
    voiced = np.isfinite(controls.pitch) & (controls.level > 0.02)
    frames = np.arange(len(voiced))
    known = np.isfinite(controls.pitch)
    controls.pitch = _smooth(np.interp(frames, frames[known], controls.pitch[known]), 3)
    controls.level = _smooth(controls.level, 2)
    controls.resonances = np.stack([_smooth(one, 6) for one in controls.resonances.T], 1)
    hertz = 440 * 2 ** ((controls.pitch - 69) / 12)
    wave = _tone(controls, hertz, singer, sample_rate, int(seconds * sample_rate))
    wave += 0.5 * _noise(controls, singer, sample_rate, len(wave), draw)
    return Voice(0.8 * wave / np.abs(wave).max(), hertz, voiced)


def _smooth(values: np.ndarray, reach: int) -> np.ndarray:
    """Return `values` averaged over `reach` frames on both sides with a Hann window."""
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(values, reach, mode="edge"), window / window.sum(), "valid")


def _shape(controls: _Controls, note: Sung, singer: Singer, before: int | None, draw: np.random.Generator) -> None:
    """Write one syllable into the controls; `before` is the pitch of the previous note, None for the first."""
    consonant = CONSONANTS[note.consonant]
    here = slice(int(note.start * CONTROL_RATE), int((note.start + note.seconds) * CONTROL_RATE))
    time = np.arange(here.stop - here.start) / CONTROL_RATE
    onset = min(int(consonant.seconds * CONTROL_RATE), len(time) // 3)
    first = slice(here.start, here.start + onset)
    swing = np.clip((time - 0.25) / 0.3, 0, 1) * singer.vibrato * (note.seconds > 0.45)
    vibrato = swing * np.sin(2 * np.pi * singer.vibrato_hz * time + draw.uniform(0, 2 * np.pi))
    scoop = -(0.6 + 0.8 * draw.random()) * np.exp(-time / singer.glide) * (note.pitch != before)
    unsteady = 3 * singer.jitter * _smooth(draw.standard_normal(len(time)), 8)
    controls.pitch[here] = note.pitch + vibrato + scoop + unsteady
    swell = 0.85 + 0.15 * np.sin(np.pi * np.clip(time / note.seconds, 0, 1))
    controls.level[here] = np.minimum(1, time / 0.04) * np.clip((note.seconds - time) / 0.06, 0, 1) * swell
    controls.level[first] *= consonant.voice
    vowel = (1 - singer.neutral) * np.array(VOWELS[note.vowel]) + singer.neutral * _NEUTRAL
    controls.resonances[here] = vowel * singer.tract * np.array(singer.colour)
    if consonant.locus:
        controls.resonances[first, :3] = np.array(consonant.locus) * singer.tract
    if consonant.noise:
        controls.noise[first] = consonant.noise * np.hanning(onset + 2)[1:-1]
        controls.centre[first], controls.width[first] = consonant.centre, consonant.width


def _gain(resonances: np.ndarray, singer: Singer, frequency: np.ndarray) -> np.ndarray:
    """Return the gain of the vocal tract at one frequency per frame, (N,)."""
    gain = np.ones(len(frequency))
    upper = np.broadcast_to(_UPPER * singer.tract, (len(frequency), len(_UPPER)))
    for centre, width in zip(np.concatenate([resonances, upper], 1).T, _BANDWIDTHS, strict=True):
        half = np.square(width / 2)
        below, above = np.square(frequency - centre) + half, np.square(frequency + centre) + half
        gain *= (np.square(centre) + half) / np.sqrt(below * above)
    return gain


def _tone(controls: _Controls, hertz: np.ndarray, singer: Singer, sample_rate: int, length: int) -> np.ndarray:
    """Return the voiced part, (T,), peak 1: a sum of partials."""
    time, frames = np.arange(length) / sample_rate, np.arange(len(hertz)) / CONTROL_RATE
    cycles = np.cumsum(np.interp(time, frames, hertz)) / sample_rate
    top = min(0.45 * sample_rate, _HIGHEST_HZ)
    wave = np.zeros(length, np.float32)
    for k in range(1, int(top // hertz.min()) + 1):
        frequency = k * hertz
        level = controls.level * _gain(controls.resonances, singer, np.minimum(frequency, top))
        level *= k ** (0.5 - singer.tilt / 6.02) * (frequency < top)
        level *= 10 ** (singer.ring / 20 * np.exp(-np.square((frequency - 2900 * singer.tract) / 500)))
        if level.max() < 1e-5:
            continue
        # The phase is reduced in double precision; then single precision is enough, and faster.
        turn = np.mod(k * cycles + 0.055 * k**0.5, 1.0).astype(np.float32)
        wave += np.interp(time, frames, level).astype(np.float32) * np.sin(np.float32(2 * np.pi) * turn)
    return wave.astype(np.float64) / (np.abs(wave).max() + 1e-9)


def _noise(controls: _Controls, singer: Singer, sample_rate: int, length: int, draw: np.random.Generator) -> np.ndarray:
    """Return breath and frication noise, (T,): white noise through a filter that changes every 10 ms."""
    size, step = 1024, sample_rate // (CONTROL_RATE // 2)
    window, frequency = np.hanning(size), np.fft.rfftfreq(size, 1 / sample_rate)
    white, shaped = draw.standard_normal(length + 2 * size), np.zeros(length + 2 * size)
    for number in range(0, len(controls.level) - 1, 2):
        level, hiss = controls.level[number], controls.noise[number]
        start = number // 2 * step
        if max(level, hiss) < 1e-3 or start + size > len(shaped):
            continue
        gain = np.zeros(len(frequency))
        if level > 1e-3:
            gain += 1.5 * singer.breath * level * np.maximum(_breath(controls.resonances[number], frequency), 0.08)
        if hiss > 1e-3:
            gain += 0.35 * hiss * np.exp(-np.square((frequency - controls.centre[number]) / controls.width[number]))
        piece = slice(start, start + size)
        shaped[piece] += np.fft.irfft(np.fft.rfft(white[piece] * window) * gain) * window
    return shaped[size // 2 : size // 2 + length] * (step / size) ** 0.5


def _breath(resonances: np.ndarray, frequency: np.ndarray) -> np.ndarray:
    """Return the gain of the vocal tract for breath noise, (F,)."""
    ratio = np.square(frequency[:, None] / resonances)
    damping = np.square(2 * frequency[:, None] * _BANDWIDTHS[:RESONANCES] / np.square(resonances))
    return 1 / np.sqrt(np.square(ratio - 1) + damping + 1e-3).prod(1)
