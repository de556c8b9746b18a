"""Generates the demo notes: ten synthetic instruments, in the on-disk format of NSynth.

All notes are computed, so nothing is downloaded and no licence applies. The physical model is simple, but the labels
are meaningful: partials follow the pitch (stretched for stiff strings), brightness follows the velocity, and the
instruments differ in spectrum, envelope and noise. Each family has two instruments, so that a map of learned
instrument embeddings can show families.

Shapes: T samples, K partials.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.embedded.marker import is_made
from data.files.audio import to_pcm16, write_sound
from data.files.durable import write_json
from data.nsynth.dataset import FAMILIES, FRAMES, QUALITIES, SAMPLE_RATE, SOURCES
from data.progress import Listener, Progress, ignore

VERSION = 2
PITCHES = range(48, 72)
VELOCITIES = (25, 75, 127)
_HELD_SECONDS = 3.0
_MOST_PARTIALS = 48
_PEAK = 0.9
_BLOCK = 256  # samples


@dataclass(frozen=True)
class Instrument:
    """Synthesis parameters of one instrument.

    Attributes:
        family: family name of NSynth.
        source: source name of NSynth.
        tilt: partial k has the amplitude k^-tilt at full velocity.
        softening: value added to the tilt as the velocity approaches zero.
        even: amplitude of even partials relative to odd ones.
        stiffness: partial k has the frequency k·f0·sqrt(1 + stiffness·k²).
        decay: time constant in seconds of a struck fundamental; 0 for a held tone.
        damping: how much faster higher partials decay: the partial at r·f0 at 1 + damping·(r - 1) times the rate.
        attack: duration of the attack in seconds.
        release: time constant in seconds of the released tone.
        formants: centre frequencies in Hz of the resonances of the body; empty for none.
        position: where a string is plucked or struck, as a fraction of its length; 0 for no such effect.
        vibrato: depth of the vibrato in semitones; its rate is 5.5 Hz. Only of instruments without stiffness and decay.
        breath: level of the noise relative to the tone.
    """

    family: str
    source: str
    tilt: float
    softening: float = 1.0
    even: float = 1.0
    stiffness: float = 0.0
    decay: float = 0.0
    damping: float = 0.0
    attack: float = 0.005
    release: float = 0.1
    formants: tuple[float, ...] = ()
    position: float = 0.0
    vibrato: float = 0.0
    breath: float = 0.0


INSTRUMENTS = (
    Instrument("keyboard", "acoustic", 1.2, stiffness=4e-4, decay=2.2, damping=0.35, position=0.12, release=0.15),
    Instrument("keyboard", "electronic", 1.9, even=0.35, decay=1.6, damping=0.8, softening=1.4, release=0.12),
    Instrument("guitar", "acoustic", 1.0, stiffness=8e-5, decay=1.1, damping=0.5, position=0.2, formants=(210, 900)),
    Instrument("guitar", "electronic", 0.8, stiffness=3e-5, decay=2.8, damping=0.2, position=0.29),
    Instrument("organ", "electronic", 0.7, softening=0.0, even=0.9, attack=0.012, release=0.03),
    Instrument("organ", "acoustic", 1.5, softening=0.1, even=0.5, attack=0.06, release=0.12, breath=0.004),
    Instrument("brass", "acoustic", 1.1, softening=1.6, attack=0.05, formants=(500, 1400), breath=0.004),
    Instrument("brass", "synthetic", 0.9, softening=1.2, attack=0.03, formants=(900, 2400), vibrato=0.05),
    Instrument("string", "acoustic", 1.0, softening=0.7, attack=0.09, formants=(350, 1100, 2700), vibrato=0.12,
               breath=0.006),
    Instrument("string", "synthetic", 1.3, softening=0.5, attack=0.15, release=0.3, formants=(600, 3000), vibrato=0.08),
)  # fmt: skip


def note(number: int, pitch: int, velocity: int) -> np.ndarray:
    """Return one note of `INSTRUMENTS[number]`: 4 s at 16 kHz, float64, (64000,), peak 0.9.

    Args:
        number: index of the instrument.
        pitch: MIDI note number.
        velocity: MIDI velocity, 1 to 127.

    Example:
        >>> pcm = to_pcm16(note(0, pitch=60, velocity=100))
    """
    instrument = INSTRUMENTS[number]
    time = np.arange(FRAMES) / SAMPLE_RATE
    generator = np.random.default_rng([VERSION, number, pitch, velocity])
    f0 = 440.0 * 2 ** ((pitch - 69) / 12)
    wave = _tone(instrument, f0, velocity / 127, time, np.random.default_rng([VERSION, number]))
    envelope = _envelope(instrument, time)
    wave *= envelope / np.abs(wave).max()
    if instrument.breath:
        # Averaging two neighbouring samples attenuates the highest frequencies of the noise a little.
        noise = generator.standard_normal(FRAMES + 1)
        wave += instrument.breath * envelope * (noise[1:] + noise[:-1])
    return wave * (_PEAK / np.abs(wave).max())


def _tone(
    instrument: Instrument, f0: float, level: float, time: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Return the sum of the partials, (T,), each with its own decay; `level` is the velocity, 0 to 1."""
    k = np.arange(1, _MOST_PARTIALS + 1)
    ratio = k * np.sqrt(1 + instrument.stiffness * k**2)
    # Drawn for all partials, so that an instrument's phases do not depend on the pitch.
    phase = generator.uniform(0, 1, len(k))
    audible = ratio * f0 < 0.47 * SAMPLE_RATE
    k, ratio, phase = k[audible], ratio[audible], phase[audible]
    amplitude = k ** -(instrument.tilt + instrument.softening * (1 - level))
    amplitude = amplitude * np.where(k % 2 == 0, instrument.even, 1.0) * _body(instrument, ratio * f0)
    if instrument.position:
        amplitude = amplitude * np.abs(np.sin(np.pi * k * instrument.position))
    if instrument.vibrato:
        bend = instrument.vibrato * np.clip((time - 0.3) / 0.5, 0, 1) * np.sin(2 * np.pi * 5.5 * time)
        return _harmonics(np.cumsum(f0 * 2 ** (bend / 12)) / SAMPLE_RATE, amplitude, phase)
    decay = (1 + instrument.damping * (ratio - 1)) / instrument.decay if instrument.decay else np.zeros(len(k))
    begin = phase + f0 * ratio / SAMPLE_RATE  # the first sample is one step into the first cycle, as in a sum of steps
    return _partials(2j * np.pi * f0 * ratio - decay, amplitude * np.exp(2j * np.pi * begin), time)


def _partials(rates: np.ndarray, amplitudes: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return the sum of partials of constant frequency and decay, (T,).

    A partial is Im(a exp(z t)), and exp(z (t + s)) = exp(z t) exp(z s): so one matrix product of the partials at the
    beginnings of blocks and within a block sums all of them.

    Args:
        rates: z = 2 pi i f - 1 / decay of each partial, in 1/s, (K,).
        amplitudes: amplitude and phase of each, (K,).
        time: regular, from 0, in seconds, (T,).
    """
    begins = amplitudes * np.exp(time[::_BLOCK, None] * rates)  # (T / block, K)
    return np.imag(begins @ np.exp(rates[:, None] * time[:_BLOCK])).ravel()[: len(time)]


def _harmonics(cycles: np.ndarray, amplitude: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Return the sum of harmonics of one moving pitch, (T,).

    Args:
        cycles: phase of the fundamental in cycles, (T,).
        amplitude: of each harmonic, (K,).
        phase: of each harmonic at the beginning, in cycles, (K,).
    """
    turn = np.exp(2j * np.pi * cycles)
    power, wave = np.ones_like(turn), np.zeros(len(turn))
    for one, start in zip(amplitude, 2 * np.pi * phase, strict=True):
        power *= turn
        wave += one * (np.cos(start) * np.imag(power) + np.sin(start) * np.real(power))
    return wave


def _body(instrument: Instrument, frequency: np.ndarray) -> np.ndarray:
    """Return the gain of the instrument's body at each frequency, (K,)."""
    if not instrument.formants:
        return np.ones_like(frequency)
    centres = np.array(instrument.formants)[:, None]
    return 0.2 + np.exp(-np.square((frequency - centres) / (0.3 * centres + 150))).sum(0)


def _envelope(instrument: Instrument, time: np.ndarray) -> np.ndarray:
    """Return the envelope over time, (T,): linear attack, hold, exponential release."""
    released = np.exp(-np.maximum(time - _HELD_SECONDS, 0) / instrument.release)
    return np.minimum(time / instrument.attack, 1.0) * released


def _metadata() -> Iterator[tuple[str, int, int, int, dict[str, Any]]]:
    """Yield the name, instrument number, pitch, velocity and NSynth metadata of every note."""
    numbers: Counter[str] = Counter()
    count = 0
    for number, instrument in enumerate(INSTRUMENTS):
        name = f"{instrument.family}_{instrument.source}_{numbers[instrument.family]:03d}"
        numbers[instrument.family] += 1
        qualities = {
            "bright": instrument.tilt < 1.0,
            "dark": instrument.tilt > 1.4,
            "fast_decay": 0 < instrument.decay < 1.5,
            "long_release": instrument.release > 0.2,
            "percussive": instrument.decay > 0,
        }
        for pitch in PITCHES:
            for velocity in VELOCITIES:
                note_name = f"{name}-{pitch:03d}-{velocity:03d}"
                described = {
                    "note": count,
                    "note_str": note_name,
                    "instrument": number,
                    "instrument_str": name,
                    "instrument_family": FAMILIES.index(instrument.family),
                    "instrument_family_str": instrument.family,
                    "instrument_source": SOURCES.index(instrument.source),
                    "instrument_source_str": instrument.source,
                    "pitch": pitch,
                    "velocity": velocity,
                    "sample_rate": SAMPLE_RATE,
                    "qualities": [int(qualities.get(quality, False)) for quality in QUALITIES],
                    "qualities_str": [quality for quality in QUALITIES if qualities.get(quality, False)],
                }
                yield note_name, number, pitch, velocity, described
                count += 1


def make_notes(folder: Path, *, listener: Listener = ignore, threads: int = 1) -> Path:
    """Write the demo notes to `folder`/nsynth-train and return that folder; return at once if they exist.

    The notes are the same every time. The file `complete.json` is written last and marks them as complete.

    Args:
        folder: where to write.
        listener: receives progress reports.
        threads: number of threads that make notes; the files do not depend on it.

    Example:
        >>> parts = find_parts(str(make_notes(Path("downloads/demo"))))
    """
    part = folder / "nsynth-train"
    marker = part / "complete.json"
    if is_made(marker, VERSION):
        return part
    notes = list(_metadata())
    progress = Progress("demo notes", total=len(notes), unit="notes", listener=listener)

    def write(entry: tuple[str, int, int, int, dict[str, Any]]) -> None:
        name, number, pitch, velocity, _ = entry
        write_sound(part / "audio" / f"{name}.wav", to_pcm16(note(number, pitch, velocity)), SAMPLE_RATE)

    with ThreadPoolExecutor(threads) as pool:  # numpy works outside the interpreter lock
        for _ in pool.map(write, notes):
            progress.advance()
    write_json(part / "examples.json", {name: described for name, *_, described in notes})
    write_json(marker, {"version": VERSION, "notes": len(notes)})
    progress.finish()
    return part
