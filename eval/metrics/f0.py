"""The F0 family: how well the pitch of an estimate follows that of its reference, each measure under a name of its own.

"F0RMSE" and "F0CORR" mean different things in different papers. Here the name of a measure says which frames
count (frames voiced in both, or all frames), in which unit, and whether the key is kept; `METRICS` holds the
definitions. `f0_rmse_ln` is the one that fits the published 0.169 of arXiv 2502.04722 best.

Alignment is stated with every result (`F0Config.alignment`): "none" compares at equal times, as mir_eval does; "lag"
first shifts the estimate by the best whole number of frames; "dtw" warps it in time. A measure that does not apply, for
example because too few frames are voiced in both, is NaN, never 0 or 1; the counts of frames say why.

Conventions: pitch in Hz, 0 where unvoiced, negative where unvoiced with a guess (`eval.metrics.melody`).

Shapes: N frames of the reference.
"""

from dataclasses import dataclass

import numpy as np

from data.errors import InputError
from eval.metrics.melody import PitchTable, measures, to_cents, together
from eval.metrics.warping import warp

ALIGNMENTS = ("none", "lag", "dtw")
GROSS = 0.2  # relative error in Hz above which a pitch error is gross
_FAR_CENTS = 600.0  # what a frame costs at most when the alignment is looked for

METRICS = {
    "f0_rmse_ln": "RMSE of ln F0, frames voiced in both, key kept (the one to set beside 0.169)",
    "f0_rmse_cents_keyfree": "RMSE in cents, frames voiced in both, after the median difference is removed",
    "key_shift_cents": "median difference in cents, frames voiced in both: by how much the estimate is higher",
    "f0_rmse_zlog": "RMSE of ln F0, frames voiced in both, each track normalised to mean 0 and variance 1",
    "f0_rmse_hz": "RMSE in Hz, frames voiced in both, key kept",
    "f0_corr": "Pearson correlation of F0 in Hz, frames voiced in both",
    "f0_corr_all": "Pearson correlation of F0 in Hz, all frames, unvoiced ones as 0 Hz",
    "vuv_error": "share of all frames whose voicing differs",
    "voicing_recall": "share of the reference's voiced frames that are voiced (mir_eval)",
    "voicing_false_alarm": "share of the reference's unvoiced frames that are voiced (mir_eval)",
    "rpa": "raw pitch accuracy: share of the reference's voiced frames within 50 cents, guesses count (mir_eval)",
    "rca": "raw chroma accuracy: as raw pitch accuracy, octaves ignored (mir_eval)",
    "oa": "overall accuracy: share of all frames with right voicing and, where voiced, right pitch (mir_eval)",
    "rpa_keyfree": "raw pitch accuracy after the median difference is removed",
    "rca_keyfree": "raw chroma accuracy after the median difference is removed",
    "gpe": "gross pitch error: share of the frames voiced in both that are more than 20 % off in Hz",
    "fpe_cents": "fine pitch error: standard deviation in cents of the frames voiced in both that are not gross errors",
    "ffe": "F0 frame error: share of all frames with a voicing error or a gross pitch error",
}
COUNTS = {
    "frames": "number of frames compared",
    "voiced_reference": "number of frames voiced in the reference",
    "voiced_estimate": "number of frames voiced in the estimate",
    "voiced_both": "number of frames voiced in both",
    "lag_frames": "frames by which the estimate was late and was moved (alignment lag only)",
}


@dataclass(frozen=True)
class F0Config:
    """How pitch tables are compared.

    Attributes:
        alignment: "none", "lag" or "dtw".
        lag_frames: with "lag", the greatest shift that is tried, in frames of the reference; with "dtw", the number
            of frames by which the warping may leave the straight line.
        least: frames that must be voiced in both for the measures on these frames to apply.
    """

    alignment: str = "none"
    lag_frames: int = 6
    least: int = 10

    def __post_init__(self) -> None:
        """Raise `InputError` if the alignment is unknown or a number is out of range."""
        if self.alignment not in ALIGNMENTS:
            raise InputError(f'alignment "{self.alignment}" is unknown; choose one of {", ".join(ALIGNMENTS)}')
        if self.lag_frames < 0 or self.least < 2:
            raise InputError("lag_frames must be at least 0 and least at least 2")


def f0_family(reference: PitchTable, estimate: PitchTable, config: F0Config | None = None) -> dict[str, float]:
    """Compare two pitch tables with the whole family.

    The estimate is brought to the times of the reference (`eval.metrics.melody.together`), then aligned.

    Args:
        reference: true pitch.
        estimate: pitch to judge; its times may differ.
        config: alignment and limits; `F0Config()` by default.

    Returns:
        The values of `METRICS` and `COUNTS` by name; NaN for what is not applicable.

    Example:
        >>> track = np.full(100, 220.0)
        >>> found = f0_family(PitchTable.regular(track), PitchTable.regular(track * 2 ** (1 / 12)))
        >>> round(found["key_shift_cents"], 6), round(found["f0_rmse_cents_keyfree"], 6)
        (100.0, 0.0)
    """
    config = config or F0Config()
    true, found = together(reference, estimate)
    lag = 0
    if config.alignment == "lag":
        lag = best_lag(true, found, config.lag_frames)
        found = shifted(found, lag)
    elif config.alignment == "dtw":
        found = found[warp(_features(true), _features(found), config.lag_frames).onto_reference()]
    return {**compare(true, found, config.least), "lag_frames": float(lag)}


def compare(reference: np.ndarray, estimate: np.ndarray, least: int = 10) -> dict[str, float]:
    """Compare the pitch of frames in pairs: the family without resampling and alignment.

    Args:
        reference: Hz, float, (N,), N at least 1.
        estimate: Hz, float, (N,).
        least: frames that must be voiced in both for the measures on these frames to apply.

    Returns:
        The values of `METRICS` and `COUNTS` by name, without the lag; NaN for what is not applicable.

    Raises:
        ValueError: the shapes differ, or there are no frames.
    """
    if reference.shape != estimate.shape or reference.ndim != 1 or not len(reference):
        raise ValueError(f"the same number of frames is needed, at least one; not {reference.shape, estimate.shape}")
    voiced, sung = reference > 0, estimate > 0
    both = voiced & sung
    found = dict.fromkeys(METRICS, float("nan"))
    found |= _voicing(reference, estimate)
    gross = np.zeros(len(reference), bool)
    gross[both] = np.abs(estimate[both] / reference[both] - 1) > GROSS
    found["ffe"] = float(np.mean((voiced != sung) | gross))
    found["f0_corr_all"] = _correlation(np.where(voiced, reference, 0.0), np.where(sung, estimate, 0.0))
    count = int(both.sum())
    if count >= least:
        found |= _both_voiced(reference[both], estimate[both], gross[both])
        found |= _keyfree(reference, estimate, found["key_shift_cents"])
    counts = (len(reference), int(voiced.sum()), int(sung.sum()), count)
    names = ("frames", "voiced_reference", "voiced_estimate", "voiced_both")
    return found | {name: float(one) for name, one in zip(names, counts, strict=True)}


def _voicing(reference: np.ndarray, estimate: np.ndarray) -> dict[str, float]:
    """Return the measures of mir_eval and the voicing error; NaN where mir_eval has a conventional 0 or 1."""
    found = measures(reference, estimate)
    voiced = reference > 0
    if not voiced.any():
        found |= dict.fromkeys(("voicing_recall", "rpa", "rca"), float("nan"))
    if voiced.all():
        found["voicing_false_alarm"] = float("nan")
    return {**found, "vuv_error": float(np.mean(voiced != (estimate > 0)))}


def _both_voiced(reference: np.ndarray, estimate: np.ndarray, gross: np.ndarray) -> dict[str, float]:
    """Return the measures on frames that are voiced in both tracks."""
    logs = np.log(reference), np.log(estimate)
    cents = (logs[1] - logs[0]) * (1200 / np.log(2))
    shift = float(np.median(cents))
    fine = cents[~gross]
    return {
        "f0_rmse_ln": _rms(logs[1] - logs[0]),
        "key_shift_cents": shift,
        "f0_rmse_cents_keyfree": _rms(cents - shift),
        "f0_rmse_zlog": _rms(_normalised(logs[1]) - _normalised(logs[0])),
        "f0_rmse_hz": _rms(estimate - reference),
        "f0_corr": _correlation(reference, estimate),
        "gpe": float(gross.mean()),
        "fpe_cents": float(fine.std()) if len(fine) else float("nan"),
    }


def _keyfree(reference: np.ndarray, estimate: np.ndarray, shift: float) -> dict[str, float]:
    """Return raw pitch and chroma accuracy after the estimate is lowered by `shift` cents."""
    found = measures(reference, estimate * 2 ** (-shift / 1200))
    return {"rpa_keyfree": found["rpa"], "rca_keyfree": found["rca"]}


def best_lag(reference: np.ndarray, estimate: np.ndarray, most: int) -> int:
    """Return by how many frames the estimate is late: the shift of least cost, the smallest of equally good ones.

    A frame costs its distance from the median difference in cents, 600 at most, and 600 where the voicing differs.

    Args:
        reference: Hz, (N,).
        estimate: Hz, (N,).
        most: greatest shift that is tried, in frames.
    """

    def cost(lag: int) -> float:
        moved = shifted(estimate, lag)
        both, either = (reference > 0) & (moved > 0), (reference > 0) | (moved > 0)
        if not both.any():
            return _FAR_CENTS
        cents = 1200 * np.log2(moved[both] / reference[both])
        far = np.minimum(np.abs(cents - np.median(cents)), _FAR_CENTS).sum()
        return float((far + _FAR_CENTS * (either.sum() - both.sum())) / either.sum())

    return min(sorted(range(-most, most + 1), key=abs), key=cost)


def shifted(hertz: np.ndarray, lag: int) -> np.ndarray:
    """Return a track moved `lag` frames to the front (to the back if negative); what is missing is unvoiced.

    Example:
        >>> shifted(np.array([0.0, 220.0, 330.0]), 1)
        array([220., 330.,   0.])
    """
    lag = max(-len(hertz), min(lag, len(hertz)))
    if lag >= 0:
        return np.pad(hertz[lag:], (0, lag))
    return np.pad(hertz[:lag], (-lag, 0))


def _features(hertz: np.ndarray) -> np.ndarray:
    """Return what the warping compares, (N, 2): cents around the median (100 cents are 1), and voicing (weight 6)."""
    voiced = hertz > 0
    cents = to_cents(hertz)
    centred = cents - (np.median(cents[voiced]) if voiced.any() else 0.0)
    return np.stack([np.where(voiced, centred / 100, 0.0), _FAR_CENTS / 100 * voiced], 1)


def _normalised(values: np.ndarray) -> np.ndarray:
    """Return values with mean 0 and variance 1; NaN if they are all the same."""
    deviation = values.std()
    return (values - values.mean()) / (deviation if deviation > 1e-9 else np.nan)


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return Pearson's correlation, NaN if one of the two does not vary or there are fewer than two values."""
    first, second = first - first.mean(), second - second.mean()
    size = np.sqrt(np.square(first).sum() * np.square(second).sum())
    return float((first * second).sum() / size) if len(first) > 1 and size > 1e-9 else float("nan")


def _rms(values: np.ndarray) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.square(values).mean()))
