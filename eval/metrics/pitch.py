"""Pitch tracker for single notes, and pitch errors in cents.

Conventions: a pitch is a MIDI note number, possibly fractional (69 is A4, 440 Hz); 100 cents are one semitone; NaN
means that a frame has no pitch.

The tracker is YIN (de Cheveigné and Kawahara, JASA 2002) with frames of 128 ms, after a high-pass filter at 30 Hz that
removes rumble from recordings. The difference function is computed at lags of a quarter of a sample, so that notes of
4 kHz are measured to one cent. It was chosen by a measurement of several trackers: see "Pitch tracker" in
ARCHITECTURE.md.

Shapes: T samples, N frames, W window of the difference function in samples (half a frame).
"""

from dataclasses import dataclass

import mir_eval
import numpy as np
from scipy.signal import butter, sosfiltfilt

FRAME_SECONDS = 0.128
HOP_SECONDS = 0.032
LOWEST_HZ, HIGHEST_HZ = 25.0, 4500.0
TOLERANCE_CENTS = 50
_THRESHOLD = 0.15  # the period is the first local minimum of the normalised difference below this value
_VOICED_BELOW = 0.25  # if the chosen minimum is above this value, the frame has no pitch
_LOUD_DB = 30.0  # frames whose power is this far below the loudest frame, or further, have no pitch
_FINER = 4  # lags per sample


@dataclass(frozen=True)
class Track:
    """The pitch of a sound over time.

    Attributes:
        midi: MIDI pitch of each frame, shape (N,); NaN in frames without pitch.
        hop_seconds: time between the starts of two frames, in seconds.
    """

    midi: np.ndarray
    hop_seconds: float

    def note(self) -> float:
        """Return the median MIDI pitch over the frames with a pitch, NaN if there are none."""
        voiced = self.midi[np.isfinite(self.midi)]
        return float(np.median(voiced)) if len(voiced) else float("nan")


def track(wave: np.ndarray, sample_rate: int) -> Track:
    """Return the pitch of a monophonic sound over time.

    Frames of 128 ms start every 32 ms, the first one at the first sample. Frames that are 30 dB or more below the
    loudest frame have no pitch.

    Args:
        wave: float, shape (T,), full scale [-1, 1].
        sample_rate: in Hz.

    Raises:
        ValueError: `wave` is shorter than one frame.

    Example:
        >>> wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
        >>> round(track(wave, 16000).note(), 2)
        69.0
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
    if power.max() > 1e-12:  # -120 dBFS; anything below is treated as silence
        midi[loud] = [_midi(_period(one, sample_rate), sample_rate) for one in _difference(frames[loud])]
    return Track(midi, hop / sample_rate)


def _difference(frames: np.ndarray) -> np.ndarray:
    """Return the cumulative mean normalised difference function of YIN for frames (N, 2W).

    Returns:
        Shape (N, 4W - 1), at lags of 1/4, 2/4, … samples, up to W - 1/4.
    """
    window, length = frames.shape[1] // 2, 2 * frames.shape[1]
    product = np.conj(np.fft.rfft(frames[:, :window], length)) * np.fft.rfft(frames, length)
    # An inverse transform of greater length interpolates the correlation between whole lags.
    correlation = np.fft.irfft(product, length * _FINER)[:, : window * _FINER] * _FINER
    energy = np.cumsum(np.pad(np.square(frames), ((0, 0), (1, 0))), 1)
    moved = energy[:, window : 2 * window] - energy[:, :window]  # energy of the delayed window, at each whole lag
    lags = np.arange(window * _FINER) / _FINER
    whole = np.minimum(lags.astype(int), window - 2)
    moved = moved[:, whole] * (1 - (lags - whole)) + moved[:, whole + 1] * (lags - whole)
    difference = np.maximum(energy[:, window, None] + moved - 2 * correlation, 0)[:, 1:]
    mean = np.cumsum(difference, 1) / np.arange(1, difference.shape[1] + 1)
    return difference / np.maximum(mean, 1e-12)


def _period(difference: np.ndarray, sample_rate: int) -> float:
    """Return the period in samples from the normalised difference (4W - 1,) of one frame, NaN if it has no pitch."""
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
    """Return by how many cents the MIDI pitch `estimate` is above `reference`; NaN if either pitch is NaN."""
    return 100 * (estimate - reference)


def raw_pitch_accuracy(reference: float, spoken: np.ndarray, estimate: Track) -> float:
    """Return the raw pitch accuracy: the share of frames whose pitch is within 50 cents of `reference` (mir_eval).

    Args:
        reference: MIDI pitch that all frames should have.
        spoken: whether each frame has a pitch in the reference recording, bool, shape (N,). Only these frames are
            scored.
        estimate: pitch of the estimate over time, N frames. A frame without pitch counts as wrong.

    Returns:
        0 to 1; NaN if no frame of the reference recording has a pitch.

    Example:
        >>> raw_pitch_accuracy(60, np.array([True, True]), Track(np.array([60.2, np.nan]), 0.032))
        0.5
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
