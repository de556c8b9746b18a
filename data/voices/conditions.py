"""The graded set: what is done to a clean lead besides mixing in an accompaniment.

    harmony     two more voices, a major third above and a fourth below, softer and slightly late
    reverb      a live-like room: 1.2 s of decaying noise after a short silence
    crowd       the same room, with a murmuring and clapping crowd at 10 dB below the lead

Everything is a pure function of the wave and a seed.

Shapes: T samples.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import fft
from scipy.signal import fftconvolve, lfilter

from data.files.audio import resample
from data.voices.index import RATE

_HARMONY = ((4, -9.0, 0.025), (-5, -9.0, 0.04))  # semitones, level in dB, delay in seconds
_DECAY = 1.2  # seconds in which the room's reverberation falls by 60 dB
_BEFORE = 0.02  # seconds between the direct sound and the reverberation
_WET_DB = -6.0  # level of the reverberation relative to the direct sound
_CROWD_DB = -10.0
_SIZE, _HOP = 1024, 256  # samples: frame and hop of the phase vocoder


def harmony(wave: np.ndarray, seed: int) -> np.ndarray:
    """Return a lead with two more voices, float32, (T,): the lead itself, shifted in pitch and slightly detuned.

    Args:
        wave: float32, (T,), 16 kHz.
        seed: seed of the detuning.
    """
    draw, total = np.random.default_rng([seed, 1]), wave.astype(np.float32)
    for semitones, decibels, delay in _HARMONY:
        shift = semitones + draw.uniform(-0.1, 0.1)
        late = np.pad(transposed(wave, shift), (round(delay * RATE), 0))[: len(wave)]
        total = total + np.float32(10 ** (decibels / 20)) * late
    return total


def transposed(wave: np.ndarray, semitones: float) -> np.ndarray:
    """Return a wave of the same length in another pitch, float32, (T,), by a phase vocoder; formants move as well.

    Args:
        wave: float32, (T,), 16 kHz.
        semitones: shift in semitones, up or down.
    """
    stretch = 2 ** (semitones / 12)
    window = np.hanning(_SIZE + 1)[:-1]
    padded = np.pad(wave.astype(np.float64), (_SIZE, 2 * _SIZE))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP]
    spectra = np.asarray(fft.rfft(frames * window))  # (N, F)
    places = np.arange(0, len(spectra) - 1, 1 / stretch)  # in frames of the original
    before = places.astype(int)
    share = (places - before)[:, None]
    magnitude = (1 - share) * np.abs(spectra[before]) + share * np.abs(spectra[before + 1])
    expected = 2 * np.pi * _HOP / _SIZE * np.arange(spectra.shape[1])
    turn = np.angle(spectra[before + 1]) - np.angle(spectra[before]) - expected
    advance = expected + turn - 2 * np.pi * np.rint(turn / (2 * np.pi))
    phase = np.angle(spectra[0]) + np.cumsum(advance, 0) - advance
    pieces = np.asarray(fft.irfft(magnitude * np.exp(1j * phase), _SIZE)) * window
    sound, weight = (np.zeros(len(pieces) * _HOP + _SIZE) for _ in range(2))
    for number, piece in enumerate(pieces):
        here = slice(number * _HOP, number * _HOP + _SIZE)
        sound[here] += piece
        weight[here] += np.square(window)
    start = round(_SIZE * stretch)
    longer = (sound / np.maximum(weight, 1e-3))[start : start + round(len(wave) * stretch)]
    found = resample(longer.astype(np.float32), len(longer), len(wave))[: len(wave)]
    return np.pad(found, (0, len(wave) - len(found)))


def reverb(wave: np.ndarray, seed: int) -> np.ndarray:
    """Return a lead in a room, float32, (T,); the reverberation after the end is cut off.

    Args:
        wave: float32, (T,), 16 kHz.
        seed: seed of the room.
    """
    draw = np.random.default_rng([seed, 2])
    time = np.arange(round(_DECAY * RATE)) / RATE
    room = draw.standard_normal(len(time)) * 10 ** (-3 * time / _DECAY)
    room = np.asarray(lfilter([0.4], [1, -0.6], room))  # walls take high frequencies first
    room *= 10 ** (_WET_DB / 20) / np.sqrt(np.square(room).sum())
    wet = fftconvolve(wave, np.pad(room, (round(_BEFORE * RATE), 0)))[: len(wave)]
    return (wave + wet).astype(np.float32)


def crowd(wave: np.ndarray, seed: int, others: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Return a lead in a room with a crowd, float32, (T,).

    The crowd is noise in the range of speech that swells at random, claps, and murmuring made of other voices, each
    played backwards.

    Args:
        wave: float32, (T,), 16 kHz.
        seed: seed of room and crowd.
        others: waves of other voices; may be empty.
    """
    draw, samples = np.random.default_rng([seed, 3]), len(wave)
    noise = np.asarray(lfilter([1, -1], [1, -1.6, 0.68], draw.standard_normal(samples)))
    knots = np.arange(0, samples + RATE, RATE // 2)
    swell = np.interp(np.arange(samples), knots, draw.uniform(0.4, 1.0, len(knots)))
    total = swell * noise / (noise.std() + 1e-12)
    clap = draw.standard_normal(RATE // 20) * np.exp(-np.arange(RATE // 20) / (0.006 * RATE))
    for place in draw.integers(0, max(1, samples - len(clap)), 2 * samples // RATE):
        piece = total[place : place + len(clap)]
        piece += 3 * draw.uniform(0.3, 1) * clap[: len(piece)]
    for other in others:
        spread = np.resize(other[::-1], samples)
        total += 0.7 * spread / (spread.std() + 1e-12)
    room = reverb(wave, seed)
    level = np.sqrt(np.square(wave, dtype=np.float64).mean()) * 10 ** (_CROWD_DB / 20)
    return (room + total * level / (total.std() + 1e-12)).astype(np.float32)


ALONE: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {"harmony": harmony, "reverb": reverb, "crowd": crowd}
