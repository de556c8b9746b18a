"""Does each control do its own thing? Pitch swept with the instrument fixed, the reverse, and between two.

Timbre is compared by features that do not depend on level: the mean and spread of mel cepstra
over the sounding part, and how the level moves. Cepstra of a harmonic sound depend on its pitch
a little, so what instrument a note sounds like is the vote of its nearest recorded training
notes, at whatever pitches those are; the same vote on real test notes is the ceiling.

Shapes: T samples, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.fft import dct
from scipy.stats import spearmanr
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from data.signal import log_mel
from eval.metrics.pitch import TOLERANCE_CENTS, track

_CEPSTRA = 16
_NEIGHBOURS = 5


def timbre(wave: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the timbre features of (T,), (D,): D = 2·16 cepstral statistics and 4 of the envelope.

    Cepstrum 0, the level, is left out, so loudness does not count.
    """
    mel = log_mel(torch.from_numpy(np.ascontiguousarray(wave, np.float32)), sample_rate).numpy()  # (M, N)
    level = mel.max(0)
    loud = level > level.max() - 5.0  # within 43 dB of the loudest frame
    cepstra = np.asarray(dct(mel[:, loud], axis=0, norm="ortho"))[1 : _CEPSTRA + 1]
    peak = int(level.argmax())
    envelope = [
        peak / len(level),
        float(loud.mean()),
        float(level[peak] - level[loud].mean()),
        float(np.diff(level[loud]).std()) if loud.sum() > 2 else 0.0,
    ]
    return np.concatenate([cepstra.mean(1), cepstra.std(1), envelope])


class InstrumentClassifier:
    """Tells the instrument a note sounds like, by its nearest recorded notes."""

    def __init__(self, features: np.ndarray, instruments: Sequence[int]) -> None:
        """Remember recorded notes: features (notes, D) and their instruments."""
        neighbours = min(_NEIGHBOURS, len(features))
        self._model = make_pipeline(StandardScaler(), KNeighborsClassifier(neighbours, weights="distance"))
        self._model.fit(features, np.asarray(instruments))

    def hits(self, features: np.ndarray, instruments: Sequence[int]) -> np.ndarray:
        """Return whether each note (notes, D) sounds like its instrument, (notes,) bool."""
        return self._model.predict(features) == np.asarray(instruments)


def pitch_error_cents(wave: np.ndarray, asked: float, sample_rate: int) -> float:
    """Return the signed error in cents of (T,) against the pitch asked for, NaN if it has none."""
    return 100 * (track(wave, sample_rate).note() - asked)


def in_tune(errors: np.ndarray) -> np.ndarray:
    """Return whether each error in cents is at most 50; no pitch at all is out of tune."""
    return np.abs(np.nan_to_num(errors, nan=np.inf)) <= TOLERANCE_CENTS


@dataclass(frozen=True)
class Interpolation:
    """What happens between two instruments.

    Attributes:
        progress: share of the way from the first to the second timbre at each weight, (weights,).
        monotonicity: Spearman correlation of weight and progress; 1 is a steady way.
        pitch_error: largest |cents| on the way, NaN where no pitch is found.
    """

    progress: np.ndarray
    monotonicity: float
    pitch_error: float


def way(waves: np.ndarray, weights: Sequence[float], asked: float, sample_rate: int) -> Interpolation:
    """Judge an interpolation (weights, T) between the instruments at its two ends."""
    features = np.stack([timbre(wave, sample_rate) for wave in waves])
    start, across = features[0], features[-1] - features[0]
    progress = (features - start) @ across / max(float(across @ across), 1e-12)
    errors = [abs(pitch_error_cents(wave, asked, sample_rate)) for wave in waves]
    monotonicity = float(np.asarray(spearmanr(weights, progress))[0])
    return Interpolation(progress, monotonicity, float(np.max(errors)))
