"""Detects defects of a recording from its samples.

A recording with a defect (`defect`) is quarantined; a flag (`flags`) only marks it.

Shapes: T samples.
"""

import numpy as np
from scipy import fft

SILENCE_PEAK = 33  # 1/1000 of full scale, -60 dBFS
CLIPPED_RUN = 8
NOISE_PEAK_DB = 12.0
_FRAME = 4096
_WINDOW = np.hanning(_FRAME).astype(np.float32)


def defect(samples: np.ndarray) -> str | None:
    """Return why int16 samples, (T,), cannot be used, or None.

    A constant signal (digital silence or only DC) carries no information and makes every relative metric undefined.
    """
    if samples.size == 0:
        return "no samples"
    if samples.min() == samples.max():
        return "silent" if samples[0] == 0 else "constant"
    return None


def flags(samples: np.ndarray) -> list[str]:
    """Return the quality flags of int16 samples, (T,), T > 0, sorted.

    "quiet": peak below -60 dBFS. "clipped": at least 8 consecutive samples at full scale. "dc": mean above 1 % of full
    scale. "noise": no partial stands out of the spectrum (`spectral_prominence` below 12 dB).
    """
    found = []
    peak = max(int(samples.max()), -int(samples.min()))
    if peak < SILENCE_PEAK:
        found.append("quiet")
    if peak >= 32767 and _longest_run(np.abs(samples.astype(np.int32)) >= 32767) >= CLIPPED_RUN:
        found.append("clipped")
    if abs(int(samples.sum(dtype=np.int64))) > 327.67 * len(samples):
        found.append("dc")
    if peak >= SILENCE_PEAK and not _has_partial(samples):
        found.append("noise")
    return sorted(found)


def _longest_run(marks: np.ndarray) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], marks.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _has_partial(samples: np.ndarray) -> bool:
    """Return whether a partial stands out. Testing the strongest bin first decides this for nearly every note."""
    power = _spectrum(samples)
    strongest = np.array([power.argmax()])
    return any(_prominence(power, bins).max() >= NOISE_PEAK_DB for bins in (strongest, np.arange(len(power))))


def spectral_prominence(samples: np.ndarray) -> float:
    """Return by how many dB the strongest partial of int16 samples, (T,), exceeds its spectral neighbourhood.

    The power spectrum is averaged over the 8 loudest frames of 4096 samples and divided by its running median over 65
    bins. Measured: noise of any colour stays below 8 dB; 1,867 recorded notes lie between 18 and 70 dB.
    """
    power = _spectrum(samples)
    return float(_prominence(power, np.arange(len(power))).max())


def _spectrum(samples: np.ndarray) -> np.ndarray:
    """Return the mean power spectrum of the 8 loudest frames, (_FRAME / 2 + 1,)."""
    if len(samples) < _FRAME:
        samples = np.pad(samples, (0, _FRAME - len(samples)))
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME).astype(np.float32)
    frames = frames[np.argsort(np.einsum("nt,nt->n", frames, frames))[-8:]]
    return np.square(np.abs(np.asarray(fft.rfft(frames * _WINDOW)))).mean(0)


def _prominence(power: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Return by how many dB each of `bins` exceeds the median of the 65 bins around it, (len(bins),).

    Beyond its ends the spectrum is continued by its mirror image.
    """
    last = len(power) - 1
    around = last - np.abs(last - np.abs(bins[:, None] + np.arange(-32, 33)))
    floor = np.partition(power[around], 32, axis=1)[:, 32]
    return 10 * np.log10(power[bins] / (floor + 1e-3) + 1e-12)
