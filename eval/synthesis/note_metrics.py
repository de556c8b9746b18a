"""All metrics of one synthesised note against its recording.

`METRICS` holds the name and the definition of each metric. A metric that cannot be measured is NaN, never a substitute
score. The reference is the first argument.

Shapes: T samples.
"""

from dataclasses import dataclass

import numpy as np

from eval.metrics.pitch import TOLERANCE_CENTS, Track, cents, raw_pitch_accuracy, track
from eval.metrics.spectral import log_power_l1, multi_resolution
from eval.metrics.waveform import l1, loudness, mse

METRICS = {
    "spectral": "spectral loss: mean |log(1+|X|²) − log(1+|X̂|²)|, FFT 1024, hop 256, 512 zeros at both ends",
    "multi_resolution": "multi-resolution STFT distance: FFT 512, 1024, 2048; spectral convergence + log "
    "magnitude down to 70 dB below the largest of the recording",
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
    """A recorded note and its measurements, which are computed once for all estimates of the note.

    Attributes:
        wave: float, shape (T,), full scale [-1, 1].
        pitch: MIDI pitch of the label; without a label, the median pitch that the tracker found.
        sample_rate: in Hz.
        track: pitch of the recording over time.
        loudness: in LUFS; NaN for silence.
    """

    wave: np.ndarray
    pitch: float
    sample_rate: int
    track: Track
    loudness: float

    @classmethod
    def of(cls, wave: np.ndarray, pitch: float | None, sample_rate: int) -> "Reference":
        """Measure a recording.

        Args:
            wave: float, shape (T,), full scale [-1, 1].
            pitch: MIDI pitch of the label. None uses the median pitch that the tracker finds.
            sample_rate: in Hz.

        Raises:
            ValueError: the recording is shorter than 0.4 s, which is needed to measure loudness.
        """
        found = track(wave, sample_rate)
        return cls(wave, found.note() if pitch is None else pitch, sample_rate, found, loudness(wave, sample_rate))

    @property
    def pitched(self) -> bool:
        """Whether the tracked pitch of the recording is within 50 cents of its label; False without a pitch."""
        return bool(abs(cents(self.pitch, self.track.note())) <= TOLERANCE_CENTS)


def score_note(reference: Reference, estimate: np.ndarray) -> dict[str, float]:
    """Return all metrics of an estimate of a recorded note.

    Args:
        reference: the measured recording.
        estimate: synthesised note, float, shape (T,), at the sample rate of the recording.

    Returns:
        The value of each metric, with the keys of `METRICS`; NaN where a metric does not apply.

    Raises:
        ValueError: the lengths differ or a sample is not finite.

    Example:
        >>> reference = Reference.of(recording, pitch=60, sample_rate=16000)
        >>> score_note(reference, synthesised)["pitch_error"]  # in cents
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
    """Return the three pitch metrics; NaN if the tracked pitch of the recording does not agree with its label."""
    if not reference.pitched:
        return dict.fromkeys(("pitch_error", "in_tune", "pitch_accuracy"), float("nan"))
    found = track(estimate, reference.sample_rate)
    error = abs(cents(reference.pitch, found.note()))
    return {
        "pitch_error": error,
        "in_tune": float(error <= TOLERANCE_CENTS),  # NaN (no pitch) gives 0
        "pitch_accuracy": raw_pitch_accuracy(reference.pitch, np.isfinite(reference.track.midi), found),
    }
