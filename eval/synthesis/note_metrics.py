"""Every metric of one synthesised note against the recording it stands for.

All are columns of one row; an error is never turned into a score: what cannot be measured is
NaN, "not applicable", and is counted. Reference first. Shapes: T samples.
"""

from dataclasses import dataclass

import numpy as np

from eval.metrics.pitch import TOLERANCE_CENTS, Track, cents, raw_pitch_accuracy, track
from eval.metrics.spectral import log_power_l1, multi_resolution
from eval.metrics.waveform import l1, loudness, mse

METRICS = {
    "spectral": "spectral loss: mean |log(1+|X|²) − log(1+|X̂|²)|, FFT 1024, hop 256, 512 zeros at both ends",
    "multi_resolution": "multi-resolution STFT distance: FFT 512, 1024, 2048; spectral convergence + log magnitude",
    "waveform_mse": "mean squared error of samples at full scale 1",
    "waveform_l1": "mean absolute error of samples at full scale 1",
    "pitch_error": "|median pitch − label| in cents (YIN), on notes whose recording is in tune with its label",
    "in_tune": "1 where the pitch error is at most 50 cents, 0 where it is more or no pitch is found",
    "pitch_accuracy": "share of frames pitched in the recording that are within 50 cents of the label (mir_eval)",
    "loudness_error": "|loudness − recording's loudness| in dB (BS.1770)",
}
LARGER_IS_BETTER = frozenset({"in_tune", "pitch_accuracy"})


@dataclass(frozen=True)
class Reference:
    """A recorded note with what need be known of it only once.

    Attributes:
        wave: (T,) in [-1, 1].
        pitch: the label, MIDI.
        sample_rate: in Hz.
        track: its tracked pitch.
        loudness: in LUFS, NaN for silence.
    """

    wave: np.ndarray
    pitch: float
    sample_rate: int
    track: Track
    loudness: float

    @classmethod
    def of(cls, wave: np.ndarray, pitch: float | None, sample_rate: int) -> "Reference":
        """Measure a recording; without a label its own tracked pitch stands for one."""
        found = track(wave, sample_rate)
        return cls(wave, found.note() if pitch is None else pitch, sample_rate, found, loudness(wave, sample_rate))

    @property
    def pitched(self) -> bool:
        """Whether the recording itself is within 50 cents of its label, as the tracker hears it."""
        return bool(abs(cents(self.pitch, self.track.note())) <= TOLERANCE_CENTS)


def score_note(reference: Reference, estimate: np.ndarray) -> dict[str, float]:
    """Return the metrics of `estimate` (T,), keys as `METRICS`.

    Raises:
        ValueError: lengths differ or a sample is not finite.
    """
    wave, rate = reference.wave, reference.sample_rate
    return {
        "spectral": float(log_power_l1(wave, estimate)),
        "multi_resolution": float(multi_resolution(wave, estimate)),
        "waveform_mse": float(mse(wave, estimate)),
        "waveform_l1": float(l1(wave, estimate)),
        **_judge_pitch(reference, estimate),
        "loudness_error": abs(loudness(estimate, rate) - reference.loudness),
    }


def _judge_pitch(reference: Reference, estimate: np.ndarray) -> dict[str, float]:
    """Return the pitch metrics; all NaN where the recording has no sure pitch itself."""
    if not reference.pitched:
        return dict.fromkeys(("pitch_error", "in_tune", "pitch_accuracy"), float("nan"))
    found = track(estimate, reference.sample_rate)
    error = abs(cents(reference.pitch, found.note()))
    return {
        "pitch_error": error,
        "in_tune": float(error <= TOLERANCE_CENTS),  # no pitch at all is out of tune
        "pitch_accuracy": raw_pitch_accuracy(reference.pitch, np.isfinite(reference.track.midi), found),
    }
