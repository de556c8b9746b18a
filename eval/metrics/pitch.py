"""Pitch of single notes: a tracker, and errors in cents against a known pitch.

Conventions: pitch is a MIDI note number, not necessarily whole (69 is A4, 440 Hz), 100 cents
make a semitone; a frame without pitch is NaN. Reference first.

The tracker is YIN (de Cheveigné and Kawahara, JASA 2002) on frames of 128 ms, its difference
function computed at quarter-sample lags so that notes of 4 kHz are resolved to a cent, after a
30 Hz high-pass that takes the rumble out of recordings. It was chosen by measurement: see
ARCHITECTURE.md, "The pitch tracker".
"""

from dataclasses import dataclass

import mir_eval
import numpy as np
from scipy.signal import butter, sosfiltfilt

FRAME_SECONDS = 0.128
HOP_SECONDS = 0.032
LOWEST_HZ, HIGHEST_HZ = 25.0, 4500.0
TOLERANCE_CENTS = 50
_THRESHOLD = 0.15  # first dip of the normalised difference below this is the period
_VOICED_BELOW = 0.25  # a frame whose dip stays above this has no pitch
_LOUD_DB = 30.0  # frames this far below the loudest do not count
_FINER = 4  # lags a sample


@dataclass(frozen=True)
class Track:
    """Pitch over time: `midi` (N,) with NaN where a frame has none, frames `hop_seconds` apart."""

    midi: np.ndarray
    hop_seconds: float

    def note(self) -> float:
        """Return the median over voiced frames, NaN if there are none."""
        voiced = self.midi[np.isfinite(self.midi)]
        return float(np.median(voiced)) if len(voiced) else float("nan")


def track(wave: np.ndarray, sample_rate: int) -> Track:
    """Return the pitch of (T,) over time.

    Raises:
        ValueError: the wave is shorter than a frame.
    """
    size, hop = round(FRAME_SECONDS * sample_rate) // 2 * 2, round(HOP_SECONDS * sample_rate)
    if len(wave) < size:
        raise ValueError(f"{len(wave)} samples are shorter than a frame of {size}")
    wave = np.asarray(wave, np.float64)
    high_pass = butter(3, 30.0, "highpass", fs=sample_rate, output="sos")
    frames = np.lib.stride_tricks.sliding_window_view(sosfiltfilt(high_pass, wave), size)[::hop]
    power = np.square(frames).mean(1)
    midi = np.full(len(frames), np.nan)
    loud = power > power.max() * 10 ** (-_LOUD_DB / 10)
    if power.max() > 1e-12:  # -120 dBFS: below lies digital silence
        midi[loud] = [_midi(_period(one, sample_rate), sample_rate) for one in _difference(frames[loud])]
    return Track(midi, hop / sample_rate)


def _difference(frames: np.ndarray) -> np.ndarray:
    """Return YIN's cumulative-mean-normalised difference of frames (N, 2W), at lags 1/4 … W samples: (N, 4W - 1)."""
    window, length = frames.shape[1] // 2, 2 * frames.shape[1]
    product = np.conj(np.fft.rfft(frames[:, :window], length)) * np.fft.rfft(frames, length)
    # A longer inverse transform of the same spectrum interpolates the correlation between lags.
    correlation = np.fft.irfft(product, length * _FINER)[:, : window * _FINER] * _FINER
    energy = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), 1)
    moved = energy[:, window : 2 * window] - energy[:, :window]  # energy of the window at each whole lag
    lags = np.arange(window * _FINER) / _FINER
    whole = np.minimum(lags.astype(int), window - 2)
    moved = moved[:, whole] * (1 - (lags - whole)) + moved[:, whole + 1] * (lags - whole)
    difference = np.maximum(energy[:, window, None] + moved - 2 * correlation, 0)[:, 1:]
    mean = np.cumsum(difference, 1) / np.arange(1, difference.shape[1] + 1)
    return difference / np.maximum(mean, 1e-12)


def _period(difference: np.ndarray, sample_rate: int) -> float:
    """Return the period in samples that one frame's difference (4W - 1,) tells, NaN if none."""
    first = int(sample_rate / HIGHEST_HZ * _FINER) - 1
    last = min(int(sample_rate / LOWEST_HZ * _FINER), len(difference) - 1)
    part = difference[first:last]
    dips = np.flatnonzero((part[1:-1] < part[:-2]) & (part[1:-1] <= part[2:])) + 1
    if not len(dips):
        return float("nan")
    deep = dips[part[dips] < _THRESHOLD]
    dip = int(deep[0]) if len(deep) else int(dips[part[dips].argmin()])
    if part[dip] > _VOICED_BELOW:
        return float("nan")
    before, here, after = part[dip - 1 : dip + 2]
    return (first + dip + 1 + 0.5 * (before - after) / (before - 2 * here + after)) / _FINER


def _midi(period: float, sample_rate: int) -> float:
    """Return the MIDI note number of a period in samples."""
    return 69 + 12 * np.log2(sample_rate / period / 440)


def cents(reference: float, estimate: float) -> float:
    """Return how many cents `estimate` lies above `reference` (MIDI), NaN if either is."""
    return 100 * (estimate - reference)


def raw_pitch_accuracy(reference: float, spoken: np.ndarray, estimate: Track) -> float:
    """Return the share of frames whose pitch lies within 50 cents of `reference` (mir_eval).

    Args:
        reference: the pitch all frames should have, MIDI.
        spoken: which frames sound in the reference recording, (N,).
        estimate: the track to judge, N frames.

    Returns:
        0 to 1; NaN if no frame sounds.
    """
    if not spoken.any():
        return float("nan")
    found = np.isfinite(estimate.midi)
    if not found.any():
        return 0.0
    truth = np.full(len(spoken), 100 * reference)
    return float(
        mir_eval.melody.raw_pitch_accuracy(
            spoken.astype(float), truth, found.astype(float), np.where(found, 100 * estimate.midi, 0.0), TOLERANCE_CENTS
        )
    )
