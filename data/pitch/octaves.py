"""Checks the pitch of high voices for octave errors, and corrects them: above 1 kHz trackers fail most often.

The check looks at the spectrum: a voice of pitch f has partials at all multiples of f. If there is power at the odd
multiples of f/2 as well, the pitch is f/2. If there is almost none at the odd multiples of f, the pitch is 2f.

Shapes: T samples, N frames, H partials.
"""

from dataclasses import dataclass

import numpy as np

from data.errors import InputError

HIGH_HZ = 1000.0
_HIGHEST_HZ = 2100.0
_SIZE = 1024  # samples of a frame at 16 kHz
_FFT = 4096
_NEAR = 0.02  # a partial is looked for within 2 % of its frequency
_HALVE_DB, _DOUBLE_DB = -15.0, -30.0  # power of odd multiples relative to even ones
_AROUND = 2  # frames on both sides that are judged together
_BLOCK = 512  # frames computed at once; bounds the memory


@dataclass(frozen=True)
class OctaveCheck:
    """Result of the check.

    Attributes:
        hertz: corrected pitch in Hz, float32, (N,); 0 where unvoiced.
        halved: whether the pitch of a frame was an octave too high, bool, (N,).
        doubled: whether the pitch of a frame was an octave too low, bool, (N,).
        high: number of frames above 1 kHz after the correction.
    """

    hertz: np.ndarray
    halved: np.ndarray
    doubled: np.ndarray
    high: int


def check_octaves(wave: np.ndarray, hertz: np.ndarray, rate: int = 16_000, hop: int = 160) -> OctaveCheck:
    """Check pitches above 1 kHz, and pitches that would be above 1 kHz an octave higher, against the spectrum.

    Args:
        wave: float, (T,), full scale [-1, 1].
        hertz: pitch of frame n, centred at sample hop·n, in Hz, (N,); 0 or negative where unvoiced.
        rate: sample rate in Hz.
        hop: samples between the centres of two frames.

    Returns:
        The corrected pitch and what was corrected.

    Raises:
        InputError: there are more frames than the wave has.

    Example:
        >>> checked = check_octaves(wave, track("pyin", wave)[0])
        >>> checked.hertz, int(checked.halved.sum())
    """
    if len(hertz) > 1 + len(wave) // hop:
        raise InputError(f"{len(hertz)} frames of pitch do not fit a recording of {len(wave)} samples; track it again")
    found = np.maximum(np.asarray(hertz, np.float64), 0)
    halved, doubled = np.zeros(len(found), bool), np.zeros(len(found), bool)
    frames = np.flatnonzero(found > HIGH_HZ / 2)
    padded = np.pad(np.asarray(wave, np.float32), (_SIZE // 2, _SIZE // 2))
    odd, even = np.zeros((2, len(found))), np.zeros((2, len(found)))
    for start in range(0, len(frames), _BLOCK):
        here = frames[start : start + _BLOCK]
        power = _spectra(padded, here * hop)
        for number, base in enumerate((found[here] / 2, found[here])):
            odd[number, here] = _power(power, base, (1, 3, 5), rate)
            even[number, here] = _power(power, base, (2, 4, 6), rate)
    around = np.ones(2 * _AROUND + 1)
    odd, even = (np.stack([np.convolve(row, around, "same") for row in one]) for one in (odd, even))
    halved[frames] = (found > HIGH_HZ)[frames] & (odd[0] > even[0] * 10 ** (_HALVE_DB / 10))[frames]
    doubled[frames] = (found <= _HIGHEST_HZ / 2)[frames] & (odd[1] < even[1] * 10 ** (_DOUBLE_DB / 10))[frames]
    doubled &= ~halved
    corrected = np.where(halved, found / 2, np.where(doubled, found * 2, found)).astype(np.float32)
    return OctaveCheck(corrected, halved, doubled, int(np.count_nonzero(corrected > HIGH_HZ)))


def _spectra(padded: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the power spectra of the frames that start at given samples, (frames, bins)."""
    frames = padded[starts[:, None] + np.arange(_SIZE)] * np.hanning(_SIZE).astype(np.float32)
    return np.square(np.abs(np.fft.rfft(frames, _FFT)))


def _power(power: np.ndarray, base: np.ndarray, multiples: tuple[int, ...], rate: int) -> np.ndarray:
    """Return the power at multiples of a frequency per frame: the greatest bin near each of them, summed."""
    total = np.zeros(len(power))
    cumulated = np.arange(power.shape[1]) * (rate / _FFT)
    for multiple in multiples:
        centre = base[:, None] * multiple
        near = (np.abs(cumulated - centre) <= np.maximum(_NEAR * centre, rate / _FFT)) & (centre < 0.48 * rate)
        total += np.where(near, power, 0).max(1)
    return total
