"""Tables of pitch over time, and the measures of melody extraction, equal to those of mir_eval.melody.

Conventions of mir_eval (Poliner et al., IEEE TASLP 2007; Salamon et al., IEEE SPM 2014): a table holds times in
seconds and pitches in Hz; 0 means unvoiced; a negative pitch means unvoiced too, with the pitch -f as the guess that
raw pitch accuracy judges. The estimate is brought to the times of the reference: between two voiced rows its pitch is
interpolated linearly in cents, voicing is that of the row before. After its last row the last row holds.

mir_eval calls measures that do not apply 0 or 1. `measures` does the same, so that it can be compared; the F0
family in `f0` calls them not applicable.

Shapes: N rows of the reference, M rows of the estimate.
"""

from dataclasses import dataclass

import numpy as np

from data.errors import InputError

TOLERANCE_CENTS = 50.0
_BASE_HZ = 10.0  # 0 cents, as in mir_eval; a pitch of exactly 10 Hz counts as unvoiced


@dataclass(frozen=True)
class PitchTable:
    """Pitch over time.

    Attributes:
        times: in seconds, at least 0, rising, float64, (N,).
        hertz: pitch in Hz, float64, (N,); 0 where unvoiced, negative where unvoiced with a guess.
    """

    times: np.ndarray
    hertz: np.ndarray

    def __post_init__(self) -> None:
        """Check shapes and values.

        Raises:
            InputError: the table is empty, its columns differ in length, a value is not finite, or times do not rise.
        """
        if self.times.ndim != 1 or self.times.shape != self.hertz.shape:
            raise InputError(f"a pitch table needs as many times as pitches, not {self.times.shape, self.hertz.shape}")
        if not len(self.times):
            raise InputError("the pitch table has no rows; give it at least one")
        if not (np.isfinite(self.times).all() and np.isfinite(self.hertz).all()):
            raise InputError("the pitch table holds NaN or infinite values; write 0 Hz where there is no pitch")
        if self.times[0] < 0 or (np.diff(self.times) <= 0).any():
            raise InputError("the times of the pitch table must start at 0 s or later, and rise; sort its rows")

    @classmethod
    def regular(cls, hertz: np.ndarray, rate: float = 100.0) -> "PitchTable":
        """Return the table of a track with `rate` frames per second, the first at 0 s.

        Example:
            >>> PitchTable.regular(np.array([220.0, 0.0])).times
            array([0.  , 0.01])
        """
        return cls(np.arange(len(hertz)) / rate, np.asarray(hertz, np.float64))

    def at(self, times: np.ndarray) -> np.ndarray:
        """Return the pitch in Hz at other times, as mir_eval resamples it: 0 unvoiced, negative guesses.

        Args:
            times: in seconds, rising, float64, (M,).

        Returns:
            float64, (M,).
        """
        own = _from_zero(self)
        if own.times.shape == times.shape and np.allclose(own.times, times):
            return own.hertz
        cents, voiced = _resample(own.times, own.cents(), own.hertz > 0, times)
        hertz = np.where(cents != 0, _BASE_HZ * 2 ** (cents / 1200), 0.0)
        return np.where(voiced, hertz, -hertz)

    def cents(self) -> np.ndarray:
        """Return the pitch (or the guess) of each row in cents above 10 Hz, (N,); 0 where there is none."""
        return to_cents(self.hertz)


def to_cents(hertz: np.ndarray) -> np.ndarray:
    """Return pitches or negative guesses in Hz as cents above 10 Hz; 0 stays 0."""
    there = hertz != 0
    return np.where(there, 1200 * np.log2(np.abs(np.where(there, hertz, 1.0)) / _BASE_HZ), 0.0)


def together(reference: PitchTable, estimate: PitchTable) -> tuple[np.ndarray, np.ndarray]:
    """Return both pitches in Hz at the times of the reference, two float64 arrays of the same length.

    If the reference starts after 0 s, its first row is repeated at 0 s, as in mir_eval.
    """
    reference = _from_zero(reference)
    return reference.hertz, estimate.at(reference.times)


def measures(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Return the five measures of melody extraction, with the conventions of mir_eval for what does not apply.

    Args:
        reference: pitch of each frame in Hz, float, (N,); 0 or negative where unvoiced.
        estimate: pitch of each frame in Hz, float, (N,), on the same frames; negative guesses.

    Returns:
        "voicing_recall": share of the voiced frames that the estimate calls voiced (1 if there are none);
        "voicing_false_alarm": share of the unvoiced frames that the estimate calls voiced (0 if there are none);
        "rpa": raw pitch accuracy, share of the voiced frames whose pitch or guess is less than 50 cents off;
        "rca": raw chroma accuracy, the same with octaves ignored; "oa": overall accuracy, share of all frames that
        are right in voicing and, where voiced, in pitch. rpa and rca are 0 if no frame is voiced.

    Example:
        >>> measures(np.array([220.0, 0.0]), np.array([440.0, 0.0]))["rca"]
        1.0
    """
    voiced, sung = reference > 0, estimate > 0
    true, found = to_cents(reference), to_cents(estimate)
    comparable = (true != 0) & (found != 0)
    distance = np.abs(true - found)
    right = comparable & (distance < TOLERANCE_CENTS)
    octaves = 1200 * np.floor(distance / 1200 + 0.5)
    chroma = comparable & (np.abs(distance - octaves) < TOLERANCE_CENTS)
    count, total = int(voiced.sum()), len(reference)
    return {
        "voicing_recall": float((voiced & sung).sum() / count) if count else 1.0,
        "voicing_false_alarm": float((~voiced & sung).sum() / (total - count)) if count < total else 0.0,
        "rpa": float((voiced & right).sum() / count) if count else 0.0,
        "rca": float((voiced & chroma).sum() / count) if count else 0.0,
        "oa": float(((voiced & sung & right).sum() + (~voiced & ~sung).sum()) / total) if total else 0.0,
    }


def _from_zero(table: PitchTable) -> PitchTable:
    """Return a table that starts at 0 s: its first row is repeated there if necessary."""
    if table.times[0] == 0:
        return table
    return PitchTable(np.insert(table.times, 0, 0.0), np.insert(table.hertz, 0, table.hertz[0]))


def _resample(
    times: np.ndarray, cents: np.ndarray, voiced: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return cents and voicing at the times `wanted`."""
    times, wanted = np.round(times, 10), np.round(wanted, 10)
    if wanted[-1] > times[-1]:
        times, cents, voiced = np.append(times, wanted[-1]), np.append(cents, 0.0), np.append(voiced, False)
    # A row without a pitch takes the last pitch before it, so that interpolation never goes towards 0 cents.
    last = np.maximum.accumulate(np.where(cents != 0, np.arange(len(cents)), 0))
    before = np.clip(np.searchsorted(times, wanted, side="right") - 1, 0, len(times) - 1)
    interpolated = np.interp(wanted, times, cents[last])
    return np.where(cents[before] != 0, interpolated, 0.0), voiced[before]
