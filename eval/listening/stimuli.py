"""Prepares the sounds of a listening test: cut alike, faded, equally loud; low-pass anchors, damaged sounds.

Shapes: T samples, K channels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import firwin, kaiserord, oaconvolve

from eval.listening.kinds import ANCHORS
from eval.report.excerpts import MOST_GAIN, level_of, most_energy

LEVEL = -23.0  # LUFS: loudness of every sound (EBU R 128), or less where that would clip
_SOFTEST = -33.0  # LUFS below which the loudness of all is not lowered for the peaks of one
_HEADROOM = 1.0  # dB below full scale that no sound exceeds
_FADE = 0.01  # seconds
_TRANSITION = 500.0  # Hz from the pass band to the stop band of an anchor
_REJECTION = 60.0  # dB in the stop band; BS.1534 asks for 25 dB at 4 kHz and 50 dB at 4.5 kHz


@dataclass(frozen=True)
class Levelled:
    """A sound as it is played.

    Attributes:
        wave: float32, (T, K), full scale [-1, 1].
        gain: gain that was applied, in dB.
    """

    wave: np.ndarray
    gain: float


def excerpt(waves: Mapping[str, np.ndarray], deciding: np.ndarray, length: int) -> dict[str, np.ndarray]:
    """Return the stretch with the highest energy of sounds that belong together, all from the same place.

    Args:
        waves: sounds by name, float, (T, K) each. Shorter ones are filled up with silence.
        deciding: the sound whose energy decides, (T, K).
        length: number of samples of the stretch; shorter sounds are kept whole.

    Returns:
        The stretches, float32, not faded yet (`faded`).
    """
    longest = max((len(one) for one in waves.values()), default=0)
    start = min(most_energy(np.square(deciding, dtype=np.float64).sum(1), length), max(0, longest - length))
    longest = min(length, longest - start)
    return {name: _filled(one[start : start + longest], longest) for name, one in waves.items()}


def faded(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return a sound, (T, K), faded in and out over 10 ms (a quarter of shorter ones) by halves of a Hann window."""
    count = min(round(_FADE * sample_rate), len(wave) // 4)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))
    shape = np.ones(len(wave), np.float32)
    shape[:count], shape[len(wave) - count :] = ramp, ramp[::-1]
    return (wave * shape[:, None]).astype(np.float32)


def equally_loud(waves: Mapping[str, np.ndarray], sample_rate: int) -> dict[str, Levelled]:
    """Bring sounds that are compared with each other to one loudness (BS.1770).

    The loudness is -23 LUFS, or so much less that none of them exceeds -1 dBFS, but not less than -33 LUFS: below that,
    a sound with single high peaks is played softer than the others instead. No sound is raised by more than 20 dB.
    A sound whose loudness cannot be measured (silence, or less than 0.4 s) takes the smallest of the gains of others,
    0 dB if there are none.

    Args:
        waves: sounds by name, float32, (T, K).
        sample_rate: in Hz.

    Example:
        >>> equally_loud({"a": tone, "b": tone / 2}, 16_000)["b"].gain
        6.02...
    """
    levels = {name: level_of(one, sample_rate) for name, one in waves.items()}
    rooms = {name: -20 * np.log10(max(float(np.abs(one).max(initial=0)), 1e-9)) for name, one in waves.items()}
    known = [name for name, level in levels.items() if np.isfinite(level)]
    common = max(_SOFTEST, min([LEVEL, *(levels[name] + rooms[name] - _HEADROOM for name in known)]))
    gains = {name: min(common - levels[name], MOST_GAIN, rooms[name] - _HEADROOM) for name in known}
    rest = min(gains.values(), default=0.0)
    return {
        name: Levelled((one * np.float32(10 ** (gain / 20))).astype(np.float32), float(gain))
        for name, one in waves.items()
        for gain in [gains.get(name, min(rest, rooms[name]))]
    }


def anchors(wave: np.ndarray, sample_rate: int) -> dict[str, np.ndarray]:
    """Return the low-pass anchors of a sound: 3.5 kHz and 7 kHz (BS.1534-3, section 5.1).

    An anchor whose pass band and slope do not fit below half the sample rate is left out: 7 kHz below 16 kHz.

    Args:
        wave: float32, (T, K).
        sample_rate: in Hz.

    Example:
        >>> list(anchors(noise, 8_000))
        []
    """
    return {
        name: _low_pass(wave, cut_off, sample_rate)
        for name, cut_off in ANCHORS.items()
        if cut_off + _TRANSITION <= sample_rate / 2
    }


def damaged(wave: np.ndarray, ratio: float, seed: int) -> np.ndarray:
    """Return a sound with noise that follows its envelope, as the reference unit of ITU-T P.810 adds it.

    Args:
        wave: float32, (T, K).
        ratio: ratio of sound to noise in dB; at 0 the noise is as strong as the sound.
        seed: seed of the noise.
    """
    noise = np.random.default_rng(seed).standard_normal(wave.shape).astype(np.float32)
    return (wave * (1 + np.float32(10 ** (-ratio / 20)) * noise)).astype(np.float32)


def _low_pass(wave: np.ndarray, cut_off: float, sample_rate: int) -> np.ndarray:
    """Return a sound, (T, K), low-pass filtered by a symmetric filter without delay."""
    count, beta = kaiserord(_REJECTION, _TRANSITION / (sample_rate / 2))
    window: Any = ("kaiser", beta)
    taps = np.asarray(firwin(count | 1, cut_off + _TRANSITION / 2, window=window, fs=sample_rate))
    return oaconvolve(wave, taps[:, None], mode="same", axes=0).astype(np.float32)


def _filled(wave: np.ndarray, length: int) -> np.ndarray:
    """Return a sound, (T, K), as float32 of a length, with silence after it where it is shorter."""
    wave = np.asarray(wave[:length], np.float32)
    return np.pad(wave, ((0, length - len(wave)), (0, 0)))
