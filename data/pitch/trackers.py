"""All pitch trackers by name, on one grid of frames, so that they can be exchanged and compared.

Conventions: waveforms are mono at 16 kHz. Frame n is centred at sample 160·n (100 frames per second); a recording of T
samples has N = 1 + floor(T / 160) frames. Pitch is in Hz, 0 where a frame is unvoiced. All trackers look for pitches
from 65 to 1400 Hz.

Which tracker is used for what was decided by measurement against human annotations and exact pitch: see "Pitch
trackers" in ARCHITECTURE.md. `JUDGE` measures the pitch of converted voices; training
targets come from another one, so that no system is judged by the tracker that it learnt from.

Shapes: T samples, N frames.
"""

import warnings
from collections.abc import Callable

import numpy as np

from data.errors import InputError
from data.files.audio import resample
from data.pitch import neural
from data.pitch.autocorrelation import track_frames
from data.pitch.compiled import librosa

RATE, HOP = 16_000, 160
LOWEST_HZ, HIGHEST_HZ = 65.0, 1400.0
JUDGE = "autocorrelation"
MEDIAN_OF = ("pyin", "autocorrelation", "crepe-tiny")
AGREED_OF = ("pyin", "parselmouth")
_AGREED_CENTS = 50.0
_PYIN_WINDOW = 1024  # samples: four periods of the lowest pitch
_CREPE_VOICED, _SWIFT_VOICED, _PESTO_VOICED = 0.4, 0.5, 0.5  # confidence from which a frame is voiced
_QUIET_DB = 50.0  # frames this far below the loudest one, or further, are unvoiced for every tracker but the classical
_BLOCK, _MARGIN = 30 * 100, 100  # frames: longer recordings are tracked in blocks that overlap

_Found = tuple[np.ndarray, np.ndarray]


def track(name: str, wave: np.ndarray, rate: int = RATE, *, guesses: bool = False) -> _Found:
    """Return the pitch of a voice over time.

    Memory is bounded for the neural trackers and pyin: recordings longer than 30 s are tracked in blocks.

    Args:
        name: key of `TRACKERS`.
        wave: float, (T,), full scale [-1, 1].
        rate: sample rate of `wave` in Hz; other rates than 16 kHz are resampled.
        guesses: whether unvoiced frames hold the pitch that the tracker would have chosen, as a negative number (the
            convention of mir_eval.melody). With it, raw pitch accuracy judges the pitch apart from the voicing.

    Returns:
        Two float32 arrays, (N,): the pitch in Hz, 0 (or a negative guess) where a frame is unvoiced; and the
        voicing, 1 where a frame is voiced and 0 elsewhere.

    Raises:
        InputError: there is no such tracker, its package is missing, or `wave` is not a finite mono waveform.

    Example:
        >>> hertz, voicing = track(JUDGE, wave)
    """
    if name not in TRACKERS:
        raise InputError(f'tracker "{name}" is unknown; choose one of {", ".join(TRACKERS)}')
    wave = np.asarray(wave)
    if wave.ndim != 1 or not np.isfinite(wave).all() or rate <= 0:
        raise InputError(f"a tracker needs a finite mono waveform, not shape {wave.shape} at {rate} Hz with NaN or inf")
    wave = wave.astype(np.float32)
    if rate != RATE:
        wave = np.asarray(resample(wave, rate, RATE), np.float32)
    hertz, guess = TRACKERS[name](wave)
    voiced = hertz > 0
    if guesses:
        hertz = np.where(voiced, hertz, -guess)
    return hertz.astype(np.float32), voiced.astype(np.float32)


def _autocorrelation(wave: np.ndarray) -> _Found:
    return track_frames(wave, RATE, HOP, LOWEST_HZ, HIGHEST_HZ)


def _pyin(wave: np.ndarray) -> _Found:
    """Run pYIN (Mauch and Dixon, ICASSP 2014) of librosa; its pitch has steps of 10 cents."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of empty frames; they are unvoiced
        hertz, voiced, _ = librosa.pyin(
            wave, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE, frame_length=_PYIN_WINDOW, hop_length=HOP, fill_na=None
        )
    return np.where(voiced, hertz, 0.0), hertz


def _praat(wave: np.ndarray) -> _Found:
    """Run Praat's autocorrelation method (package praat-parselmouth, licence GPL-3), standard costs."""
    parselmouth = neural.load_package("parselmouth", "parselmouth")
    count, pad = 1 + len(wave) // HOP, RATE // 10
    sound = parselmouth.Sound(np.pad(wave, pad).astype(np.float64), RATE)
    pitch = sound.to_pitch_ac(HOP / RATE, LOWEST_HZ, 15, False, 0.03, 0.45, 0.01, 0.35, 0.14, HIGHEST_HZ)
    times, found = pitch.xs() - pad / RATE, pitch.selected_array["frequency"]
    grid = np.arange(count) * (HOP / RATE)
    nearest = np.clip(np.rint((grid - times[0]) / (HOP / RATE)).astype(int), 0, len(times) - 1)
    hertz = found[nearest]
    return hertz, hertz


def _median(wave: np.ndarray) -> _Found:
    """Return the median of `MEDIAN_OF` in every frame; frames that most of them call unvoiced are unvoiced."""
    found = [TRACKERS[name](wave) for name in MEDIAN_OF]
    return np.median([hertz for hertz, _ in found], 0), np.median([guess for _, guess in found], 0)


def _agreed(wave: np.ndarray) -> _Found:
    """Return the pitch of pYIN where Praat's method finds the same within 50 cents; other frames are unvoiced.

    The two look for pitch in different ways and err in different frames: pYIN calls noise voiced and sometimes finds
    another octave, Praat's method misses soft notes.
    """
    (hertz, guess), (other, _) = (TRACKERS[name](wave) for name in AGREED_OF)
    both = (hertz > 0) & (other > 0)
    apart = np.abs(1200 * np.log2(np.where(both, hertz, 1.0) / np.where(both, other, 1.0)))
    return np.where(both & (apart <= _AGREED_CENTS), hertz, 0.0), guess


def _with_threshold(run: Callable[[np.ndarray], _Found], threshold: float) -> Callable[[np.ndarray], _Found]:
    """Return a tracker that calls loud frames voiced where the confidence of `run` reaches a threshold."""

    def tracker(wave: np.ndarray) -> _Found:
        hertz, confidence = run(wave)
        return np.where((confidence >= threshold) & _loud(wave, len(hertz)), hertz, 0.0), hertz

    return tracker


def _loud(wave: np.ndarray, count: int) -> np.ndarray:
    """Return for each of `count` frames (32 ms) whether it is less than 50 dB below the loudest one."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(wave, dtype=np.float64))])
    centre = np.arange(count) * HOP
    first, last = (np.clip(centre + shift, 0, len(wave)) for shift in (-256, 256))
    power = energy[last] - energy[first]
    return (power > power.max() * 10 ** (-_QUIET_DB / 10)) & (power > 1e-8)


def _in_blocks(run: Callable[[np.ndarray], _Found]) -> Callable[[np.ndarray], _Found]:
    """Return a tracker that runs over a long recording in blocks of 30 s, with a second more on both sides."""

    def tracker(wave: np.ndarray) -> _Found:
        count = 1 + len(wave) // HOP
        if count <= _BLOCK + 2 * _MARGIN:
            short = max(0, _PYIN_WINDOW - len(wave))
            hertz, guess = run(np.pad(wave, (0, short)))
            return hertz[:count], guess[:count]
        parts = []
        for start in range(0, count, _BLOCK):
            stop, begin = min(start + _BLOCK, count), max(0, start - _MARGIN)
            found = run(wave[begin * HOP : (stop + _MARGIN) * HOP])
            parts.append([one[start - begin : stop - begin] for one in found])
        hertz, guess = (np.concatenate(one) for one in zip(*parts, strict=True))
        return hertz, guess

    return tracker


def _crepe(capacity: str) -> Callable[[np.ndarray], _Found]:
    """Return the tracker CREPE of one capacity."""
    return _in_blocks(_with_threshold(lambda wave: neural.crepe(wave, capacity, LOWEST_HZ, HIGHEST_HZ), _CREPE_VOICED))


# Each takes a waveform at 16 kHz and returns the pitch (0 where unvoiced) and the best guess of every frame, in Hz.
TRACKERS: dict[str, Callable[[np.ndarray], _Found]] = {
    "pyin": _in_blocks(_pyin),
    "autocorrelation": _autocorrelation,
    "crepe-tiny": _crepe("tiny"),
    "crepe-full": _crepe("full"),
    "swift-f0": _in_blocks(_with_threshold(lambda wave: neural.swift(wave, LOWEST_HZ, HIGHEST_HZ), _SWIFT_VOICED)),
    "pesto": _in_blocks(_with_threshold(lambda wave: neural.pesto(wave, LOWEST_HZ, HIGHEST_HZ), _PESTO_VOICED)),
    "parselmouth": _praat,
    "median": _median,
    "agreed": _agreed,
}
