"""Distances between the timbre of two voices: mel-cepstral distortion, mel distance and loudness distance.

Mel cepstra: frames of 64 ms every 10 ms at 16 kHz, 40 mel bands (HTK scale), natural logarithm of their magnitudes
(floor: 80 dB below the loudest band of the recording), as the sum L_b = c_0/2 + Σ c_m cos(π m (b + 1/2) / 40);
coefficients 1 to 24 are kept. So a change of level does not count, and the distortion in dB is the root mean square
difference of two smoothed spectra: MCD = (10 / ln 10) · sqrt(2 · Σ (c_m - c'_m)²), averaged over pairs of frames
(Kubichek 1993). Values depend on the analysis; they are not comparable with those of WORLD or SPTK cepstra.

Only frames that are at most 40 dB below the loudest frame of their own recording count.

Shapes: T samples, N frames, 40 mel bands, 24 coefficients.
"""

import functools

import numpy as np
import torch

from data.files.audio import resample
from data.signal import log_mel
from eval.metrics.warping import warp

RATE, HOP = 16_000, 160
BANDS, COEFFICIENTS = 40, 24
BAND_RADIUS = 50  # frames (0.5 s) by which the alignment may leave the straight line
_WINDOW = 1024
_QUIET_DB = 40.0
_FLOOR_DB = 80.0
_DECIBEL = 10 / np.log(10)

METRICS = {
    "mcd_dtw": "mel-cepstral distortion in dB, frames aligned by dynamic time warping (band of 0.5 s)",
    "mcd": "mel-cepstral distortion in dB, frame by frame without alignment",
    "mel_db": "mean absolute difference of 40 mel bands in dB, frame by frame, the level kept",
    "loudness_db": "mean absolute difference of the A-weighted level in dB, its median removed",
    "gain_db": "median of the difference of the A-weighted levels in dB: by how much the estimate is louder",
}


def timbre_distances(reference: np.ndarray, estimate: np.ndarray, rate: int = RATE) -> dict[str, float]:
    """Return the distances of two recordings of the same words by name (`METRICS`).

    Without alignment, the longer recording is cut to the length of the shorter one.

    Args:
        reference: float, (T,), full scale [-1, 1].
        estimate: float, any length.
        rate: sample rate of both in Hz; other rates than 16 kHz are resampled.

    Returns:
        Values by name; NaN for what is not applicable, because no frame is loud enough in both recordings.

    Example:
        >>> timbre_distances(voice, 0.5 * voice)["mcd"]
        0.0
    """
    if rate != RATE:
        reference, estimate = resample(reference, rate, RATE), resample(estimate, rate, RATE)
    bands = [mel_bands(one) for one in (reference, estimate)]
    levels = [_levels(one) for one in (reference, estimate)]
    heard = [level > level.max() - _QUIET_DB if level.max() > -100 else np.zeros(len(level), bool) for level in levels]
    found = dict.fromkeys(METRICS, float("nan"))
    if heard[0].any() and heard[1].any():
        found["mcd_dtw"] = warped_distortion(bands[0][heard[0]], bands[1][heard[1]])
    count = min(len(bands[0]), len(bands[1]))
    both = heard[0][:count] & heard[1][:count]
    if both.any():
        first, second = bands[0][:count][both], bands[1][:count][both]
        found["mcd"] = _distortion(cepstra(first), cepstra(second))
        found["mel_db"] = float(2 * _DECIBEL * np.abs(first - second).mean())
        louder = (levels[1][:count] - levels[0][:count])[both]
        found["gain_db"] = float(np.median(louder))
        found["loudness_db"] = float(np.abs(louder - np.median(louder)).mean())
    return found


def warped_distortion(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the mel-cepstral distortion in dB of log mel bands, (N, 40) and (M, 40), aligned by time warping."""
    first, second = cepstra(reference), cepstra(estimate)
    path = warp(first, second, BAND_RADIUS).path
    return _distortion(first[path[:, 0]], second[path[:, 1]])


def mel_bands(wave: np.ndarray) -> np.ndarray:
    """Return the natural logarithm of the magnitudes of 40 mel bands, float64, (N, 40), of a wave at 16 kHz.

    Bands more than 80 dB below the loudest one of the recording are raised to that level, so that its noise floor
    does not count. Recordings shorter than a frame (1024 samples) are padded with silence.
    """
    padded = np.pad(np.asarray(wave, np.float32), (0, max(0, _WINDOW - len(wave))))
    bands = log_mel(torch.from_numpy(padded), RATE, bands=BANDS, n_fft=_WINDOW, hop=HOP).double().numpy().T
    return np.maximum(bands, bands.max() - _FLOOR_DB / (2 * _DECIBEL))


def cepstra(bands: np.ndarray, first: int = 1) -> np.ndarray:
    """Return the cepstral coefficients of log mel bands.

    Args:
        bands: natural logarithm of the magnitudes, float, (N, 40).
        first: 1 leaves out the coefficient of the level, 0 keeps it.

    Returns:
        (N, 25 - first).

    Example:
        >>> cepstra(np.zeros((7, 40))).shape
        (7, 24)
    """
    return bands @ _cosines()[:, first:]


@functools.cache
def _cosines() -> np.ndarray:
    """Return the matrix of the discrete cosine transform, (40, 25)."""
    band, order = np.arange(BANDS) + 0.5, np.arange(COEFFICIENTS + 1)
    return 2 / BANDS * np.cos(np.pi * band[:, None] * order / BANDS)


def _distortion(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mel-cepstral distortion in dB of frames in pairs, both (N, 24)."""
    return float(_DECIBEL * np.sqrt(2 * np.square(first - second).sum(1)).mean())


def _levels(wave: np.ndarray) -> np.ndarray:
    """Return the A-weighted level of each frame in dB, at least -120, (N,)."""
    padded = np.pad(np.asarray(wave, np.float64), (0, max(0, _WINDOW - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP]
    power = np.concatenate([_weighted(frames[start : start + 512]) for start in range(0, len(frames), 512)])
    return 10 * np.log10(np.maximum(power, 1e-12))


def _weighted(frames: np.ndarray) -> np.ndarray:
    """Return the A-weighted mean power of frames, (N, 1024) -> (N,)."""
    window = np.hanning(_WINDOW + 1)[:-1]
    power = np.square(np.abs(np.fft.rfft(frames * window))) @ _a_weights()
    return 2 * power / (_WINDOW * np.square(window).sum())


@functools.cache
def _a_weights() -> np.ndarray:
    """Return the A-weighting (IEC 61672) as factors of power, (513,)."""
    square = np.square(np.fft.rfftfreq(_WINDOW, 1 / RATE))
    response = 12194**2 * np.square(square) / ((square + 20.6**2) * (square + 12194**2))
    response /= np.sqrt((square + 107.7**2) * (square + 737.9**2))
    return np.square(response * 10 ** (2.0 / 20))
