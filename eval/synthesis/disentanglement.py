"""Measures of how independently pitch and instrument control a synthesised note.

If the controls are disentangled, the pitch control changes only the pitch, and the instrument control only the timbre.

Timbre is compared by features that do not depend on the level: mean and standard deviation of the mel cepstra over the
sounding part of a note, and the shape of its envelope. The cepstra of a harmonic sound depend a little on its pitch.
So the instrument that a note sounds like is determined by a nearest-neighbour classifier on recorded training notes of
all pitches. The accuracy of this classifier on recorded test notes is the upper bound of what synthesised notes can
reach.

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
    """Return the timbre features of a note, shape (D,) with D = 36.

    The features are the means and the standard deviations of 16 mel cepstral coefficients over the sounding frames, and
    4 features of the envelope: position of the loudest frame (0 to 1), share of sounding frames, level of the loudest
    frame minus the mean level of the sounding frames (natural logarithm of magnitude), and standard deviation of the
    level changes between sounding frames. Cepstral coefficient 0 is left out because it depends on the level.

    Args:
        wave: float, shape (T,), full scale [-1, 1].
        sample_rate: in Hz.
    """
    mel = log_mel(torch.from_numpy(np.ascontiguousarray(wave, np.float32)), sample_rate).numpy()  # (mel bands, frames)
    level = mel.max(0)
    loud = level > level.max() - 5.0  # 5.0 is a natural logarithm: within 43 dB of the loudest frame
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
    """Classifier of the instrument of a note by its nearest recorded notes (5 neighbours, weighted by distance).

    Example:
        >>> classifier = InstrumentClassifier(features, instruments)
        >>> accuracy = classifier.hits(other_features, other_instruments).mean()
    """

    def __init__(self, features: np.ndarray, instruments: Sequence[int]) -> None:
        """Fit the classifier.

        Args:
            features: timbre features of recorded notes, shape (notes, D).
            instruments: instrument number of each note.
        """
        neighbours = min(_NEIGHBOURS, len(features))
        self._model = make_pipeline(StandardScaler(), KNeighborsClassifier(neighbours, weights="distance"))
        self._model.fit(features, np.asarray(instruments))

    def hits(self, features: np.ndarray, instruments: Sequence[int]) -> np.ndarray:
        """Return whether each note is classified as its own instrument.

        Args:
            features: timbre features of notes, shape (notes, D).
            instruments: instrument number that each note should have.

        Returns:
            bool, shape (notes,).
        """
        return self._model.predict(features) == np.asarray(instruments)


def pitch_error_cents(wave: np.ndarray, asked: float, sample_rate: int) -> float:
    """Return the signed pitch error of a note in cents; positive is too high, NaN if the note has no pitch.

    Args:
        wave: float, shape (T,), at least 128 ms long.
        asked: MIDI pitch that the note should have.
        sample_rate: in Hz.
    """
    return 100 * (track(wave, sample_rate).note() - asked)


def in_tune(errors: np.ndarray) -> np.ndarray:
    """Return whether each absolute error in cents is at most 50, bool of the same shape; NaN (no pitch) is False."""
    return np.abs(np.nan_to_num(errors, nan=np.inf)) <= TOLERANCE_CENTS


@dataclass(frozen=True)
class Interpolation:
    """Measures of an interpolation between two instruments.

    Attributes:
        progress: position of each step on the line from the timbre features of the first step (0) to those of the last
            step (1), shape (weights,).
        monotonicity: Spearman rank correlation of weight and progress, -1 to 1; 1 if the timbre changes monotonically.
        pitch_error: largest absolute pitch error of all steps in cents; NaN if any step has no pitch.
    """

    progress: np.ndarray
    monotonicity: float
    pitch_error: float


def way(waves: np.ndarray, weights: Sequence[float], asked: float, sample_rate: int) -> Interpolation:
    """Measure an interpolation between two instruments at a fixed pitch.

    Args:
        waves: the steps of the interpolation, float, shape (weights, T). The first and the last step are the two
            instruments themselves.
        weights: mixing weight of each step.
        asked: MIDI pitch that all steps should have.
        sample_rate: in Hz.
    """
    features = np.stack([timbre(wave, sample_rate) for wave in waves])
    start, across = features[0], features[-1] - features[0]
    progress = (features - start) @ across / max(float(across @ across), 1e-12)
    errors = [abs(pitch_error_cents(wave, asked, sample_rate)) for wave in waves]
    monotonicity = float(np.asarray(spearmanr(weights, progress))[0])
    return Interpolation(progress, monotonicity, float(np.max(errors)))
