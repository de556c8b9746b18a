"""The F0 family on an hour of tables, and mel-cepstral distortion, beside compositions of mir_eval and librosa calls.

The tables have other hops (10 ms and 5.8 ms), random notes with vibrato, pauses and octave errors. Both give the same
numbers; the largest difference is a figure. The distortion is that of 10 s of a voice against a delayed copy with
another timbre. Everything runs in one process and in turns.
"""

from pathlib import Path
from typing import Any

import mir_eval
import numpy as np
from contest import take_turns

from data.pitch.compiled import librosa
from eval.metrics.f0 import f0_family
from eval.metrics.mcd import BAND_RADIUS, BANDS, COEFFICIENTS, HOP, RATE, timbre_distances
from eval.metrics.melody import PitchTable

HOUR, SECONDS = 3600, 10
SHARED = {
    "voicing_recall": "Voicing Recall",
    "voicing_false_alarm": "Voicing False Alarm",
    "rpa": "Raw Pitch Accuracy",
    "rca": "Raw Chroma Accuracy",
    "oa": "Overall Accuracy",
}


def song(times: np.ndarray) -> np.ndarray:
    """Return the pitch in Hz of random notes of 0.4 s at the given times, 0 in pauses."""
    draw = np.random.default_rng(0)
    notes = draw.integers(48, 76, int(times[-1] / 0.4) + 2).astype(float)
    notes[draw.random(len(notes)) < 0.2] = np.nan
    midi = notes[(times / 0.4).astype(int)] + 0.3 * np.sin(2 * np.pi * 5.5 * times)
    return np.nan_to_num(440 * 2 ** ((midi - 69) / 12))


def tables() -> tuple[PitchTable, PitchTable]:
    """Return an hour of reference and estimate."""
    true, found = np.arange(HOUR * 100) / 100, np.arange(int(HOUR / 0.0058)) * 0.0058
    draw = np.random.default_rng(1)
    made = song(found) * 2 ** (draw.normal(0, 20, len(found)) / 1200)
    made *= np.where(draw.random(len(made)) < 0.02, 2, 1) * np.where(draw.random(len(made)) < 0.05, -1, 1)
    return PitchTable(true, song(true)), PitchTable(found, made)


def composed(reference: PitchTable, estimate: PitchTable) -> dict[str, float]:
    """Return the family by calls of mir_eval and numpy, one measure after the other."""
    columns = (reference.times, reference.hertz, estimate.times, estimate.hertz)
    scores = mir_eval.melody.evaluate(*(one.copy() for one in columns))
    true_voicing, true, made_voicing, made = mir_eval.melody.to_cent_voicing(*(one.copy() for one in columns))
    true_hertz, made_hertz = (10 * 2 ** (one / 1200) for one in (true, made))
    both = (true_voicing > 0) & (made_voicing > 0)
    first, second = true_hertz[both], made_hertz[both]
    cents = 1200 * np.log2(second / first)
    moved = np.where(made != 0, made - np.median(cents), 0.0)
    zscores = [(np.log(one) - np.log(one).mean()) / np.log(one).std() for one in (first, second)]
    gross = np.abs(second / first - 1) > 0.2
    found = {name: float(scores[theirs]) for name, theirs in SHARED.items()}
    return found | {
        "f0_rmse_ln": float(np.sqrt(np.mean(np.square(np.log(second / first))))),
        "key_shift_cents": float(np.median(cents)),
        "f0_rmse_cents_keyfree": float(np.sqrt(np.mean(np.square(cents - np.median(cents))))),
        "f0_rmse_zlog": float(np.sqrt(np.mean(np.square(zscores[1] - zscores[0])))),
        "f0_rmse_hz": float(np.sqrt(np.mean(np.square(second - first)))),
        "f0_corr": float(np.corrcoef(first, second)[0, 1]),
        "f0_corr_all": float(np.corrcoef(true_hertz * (true_voicing > 0), made_hertz * (made_voicing > 0))[0, 1]),
        "vuv_error": float(np.mean(true_voicing != made_voicing)),
        "rpa_keyfree": float(mir_eval.melody.raw_pitch_accuracy(true_voicing, true, made_voicing, moved)),
        "rca_keyfree": float(mir_eval.melody.raw_chroma_accuracy(true_voicing, true, made_voicing, moved)),
        "gpe": float(gross.mean()),
        "fpe_cents": float(cents[~gross].std()),
        "ffe": float((np.sum(true_voicing != made_voicing) + gross.sum()) / len(true)),
    }


def voices() -> tuple[np.ndarray, np.ndarray]:
    """Return 10 s of a voice-like sound, and a later copy with another timbre."""
    time = np.arange(SECONDS * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(np.maximum(song(time), 80)) / RATE
    parts = [np.sin(k * phase) * np.exp(-np.square((k - 4 - 2 * np.sin(time)) / 3)) for k in range(1, 16)]
    first = 0.1 * np.sum(parts, 0)
    second = np.roll(0.1 * np.sum(parts[::2], 0), 1600)
    return first, second


def composed_distortion(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mel-cepstral distortion by calls of librosa: mel spectrogram, DCT, full dynamic time warping."""
    found = []
    for wave in (first, second):
        power = librosa.feature.melspectrogram(
            y=wave, sr=RATE, n_fft=1024, hop_length=HOP, n_mels=BANDS, center=False, power=1.0, htk=True, norm=None
        )
        loud = librosa.feature.rms(y=wave, frame_length=1024, hop_length=HOP, center=False)[0]
        logs = np.log(np.maximum(power, 1e-5))[:, loud > loud.max() * 0.01]
        found.append(librosa.feature.mfcc(S=logs, n_mfcc=COEFFICIENTS + 1)[1:] * np.sqrt(2 / BANDS))
    _, path = librosa.sequence.dtw(*found)
    gaps = found[0][:, path[:, 0]] - found[1][:, path[:, 1]]
    return float(10 / np.log(10) * np.sqrt(2 * np.square(gaps).sum(0)).mean())


def measure(_: Path) -> dict[str, Any]:
    """Return seconds of ours and of the composition, their ratios, and the largest differences."""
    reference, estimate = tables()
    ours, theirs = f0_family(reference, estimate), composed(reference, estimate)
    worst = max(abs(ours[name] - one) / max(1.0, abs(one)) for name, one in theirs.items())
    first, second = voices()
    spent = take_turns(
        {
            "F0 family, ours": lambda: f0_family(reference, estimate),
            "F0 family, mir_eval": lambda: composed(reference, estimate),
            "MCD, ours": lambda: timbre_distances(first, second),
            "MCD, librosa": lambda: composed_distortion(first, second),
        },
        rounds=5,
    )
    figures = {f"{name}, s": seconds for name, seconds in spent.items()}
    figures["F0 family, largest relative difference"] = worst
    figures["MCD, ours, dB"], figures["MCD, librosa, dB"] = (
        timbre_distances(first, second)["mcd_dtw"],
        composed_distortion(first, second),
    )
    figures["MCD, warping band, frames"] = BAND_RADIUS
    return {
        "figures": figures,
        "ratios": {
            "F0 family, ours / mir_eval": (spent["F0 family, ours"] / spent["F0 family, mir_eval"], "<=", 0.5),
            "MCD, ours / librosa": (spent["MCD, ours"] / spent["MCD, librosa"], "<=", 1.0),
            "F0 family, largest relative difference": (worst, "<=", 1e-6),
        },
    }
