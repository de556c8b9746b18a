"""BSS Eval version 4: SDR, ISR, SIR and SAR of every second, as museval defines them.

An estimate is split into what lies in the span of its own reference, delayed by 0 to 511 samples
in every channel, what lies in the span of all references, and the rest:

    estimate - reference = (P_own - reference) + (P_all - P_own) + (estimate - P_all)
                            spatial error        interference      artifacts

The filters of both projections are solved once for the whole track and applied to each second
on its own, its tail of 511 samples included (Liutkus, Stöter and Ito, LVA/ICA 2018; museval
0.4.1). Three things make this cheaper than museval: correlations are summed over short blocks
instead of taken from one transform of the track, the normal matrix is factored once for all
estimates, and energies are summed in the frequency domain, so that nothing is transformed back.

Shapes: S sources, T samples, K channels, L taps, N frames, F bins. Float64 throughout.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, linalg

TAPS = 512
_BLOCK = 1 << 15  # samples of a block of the correlations
METRICS = ("sdr", "isr", "sir", "sar")
ILL_CONDITIONED = 1e-12  # a reciprocal condition below which filters are made of rounding errors


@dataclass(frozen=True)
class Frames:
    """What BSS Eval finds.

    Attributes:
        decibels: (4, S, N) in the order of `METRICS`; NaN where a frame is undefined, because some
            reference or estimate is silent in it.
        reciprocal_condition: of the normal matrix of all references; below `ILL_CONDITIONED` SIR, SAR
            and ISR are made of rounding errors. NaN if nothing was solved.
    """

    decibels: np.ndarray
    reciprocal_condition: float

    @property
    def undefined(self) -> int:
        """How many frames have no value."""
        return int(np.isnan(self.decibels[0]).all(0).sum())


def bss_eval(references: np.ndarray, estimates: np.ndarray, window: int, hop: int, taps: int = TAPS) -> Frames:
    """Return the ratios of each frame of `window` samples, `hop` apart; what follows the last is dropped.

    Args:
        references: (S, T, K), true sources.
        estimates: (S, T, K), in the same order.
        window: samples of a frame; a track shorter than it is one frame.
        hop: samples between frames.
        taps: length of the filters.

    Raises:
        ValueError: shapes differ.
    """
    if references.shape != estimates.shape or references.ndim != 3:
        raise ValueError(f"references {references.shape} and estimates {estimates.shape} are not alike (S, T, K)")
    sources, length, _ = references.shape
    window = min(window, length)
    starts = np.arange((length - window + hop) // hop) * hop
    decibels = np.full((len(METRICS), sources, len(starts)), np.nan)
    heard = np.array([_heard(references, start, window) and _heard(estimates, start, window) for start in starts])
    if not heard.any():  # a track with a silent source, for one
        return Frames(decibels, float("nan"))
    filters = _Filters(references, estimates, window, taps)
    for frame in np.flatnonzero(heard):
        decibels[:, :, frame] = filters.ratios(references, estimates, starts[frame])
    return Frames(decibels, filters.reciprocal_condition)


def _heard(signals: np.ndarray, start: int, window: int) -> bool:
    """Return whether no signal is silent in a frame; as in museval, the sum over channels decides."""
    channels = _channels(signals, start, start + window).reshape(len(signals), signals.shape[2], -1)
    return bool(channels.sum(1).any(1).all())


class _Filters:
    """The filters of both projections, and what they make of frames."""

    def __init__(self, references: np.ndarray, estimates: np.ndarray, window: int, taps: int) -> None:
        sources, _, channels = references.shape
        self._sources, self._channels, self._window = sources, channels, window
        self._size = _fast_size(window + taps - 1)
        correlations = correlate(references, [references, estimates], taps)
        among, towards = correlations[:, : sources * channels], correlations[:, sources * channels :]
        normal, right = _toeplitz(among, taps), towards[..., taps - 1 :].transpose(0, 2, 1)  # (SK, L, SK)
        everything = right.reshape(-1, sources * channels)
        solution, self.reciprocal_condition = solve(normal, everything)
        self._all = self._responses(solution)
        self._own, size = [], channels * taps
        for source in range(sources):
            rows = slice(source * size, (source + 1) * size)
            own, _ = solve(normal[rows, rows], everything[rows, self._columns(source)])
            self._own.append(self._responses(own))

    def _responses(self, solution: np.ndarray) -> np.ndarray:
        """Return the frequency responses of filters (inputs·L, outputs), as many in as out: (outputs, inputs, F)."""
        taps = solution.reshape(solution.shape[1], -1, solution.shape[1])  # (inputs, L, outputs)
        return np.ascontiguousarray(_transform(taps, self._size, axis=1).transpose(2, 0, 1))

    def _columns(self, source: int) -> slice:
        return slice(source * self._channels, (source + 1) * self._channels)

    def ratios(self, references: np.ndarray, estimates: np.ndarray, start: int) -> np.ndarray:
        """Return the ratios of the frame that begins at `start`, (4, S), in decibels.

        A frame and a source at a time, so that what is worked on stays in the cache.
        """
        true, found = (self._spectra(signals, start) for signals in (references, estimates))  # (S·K, F)
        energies = np.empty((7, self._sources))
        for source in range(self._sources):
            here = self._columns(source)
            reference, estimate = true[here], found[here]
            alone, everything = _filtered(self._own[source], reference), _filtered(self._all[here], true)
            pieces = (reference, estimate - reference, alone - reference, alone)
            pieces += (everything - alone, everything, estimate - everything)
            energies[:, source] = [np.vdot(piece, piece).real for piece in pieces]
        reference, error, spatial, alone, interference, everything, artifacts = energies
        pairs = ((reference, error), (reference, spatial), (alone, interference), (everything, artifacts))
        with np.errstate(divide="ignore"):
            return np.stack([10 * np.log10(above / below) for above, below in pairs])

    def _spectra(self, signals: np.ndarray, start: int) -> np.ndarray:
        """Return the transforms of a frame, (S·K, F), scaled so that sums of squares are energies (Parseval)."""
        spectra = _transform(_channels(signals, start, start + self._window), self._size)
        # All but the lowest and, of even sizes, the highest frequency stand for two.
        spectra[:, 0] *= np.sqrt(0.5)
        if self._size % 2 == 0:
            spectra[:, -1] *= np.sqrt(0.5)
        return spectra


def _filtered(responses: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Return what filters (outputs, inputs, F) make of spectra (inputs, F): (outputs, F)."""
    total, product = np.empty((len(responses), inputs.shape[1]), complex), np.empty(inputs.shape[1], complex)
    for output, row in enumerate(responses):
        np.multiply(row[0], inputs[0], out=total[output])
        for response, spectrum in zip(row[1:], inputs[1:], strict=True):
            np.multiply(response, spectrum, out=product)
            total[output] += product
    return total


def _transform(signals: np.ndarray, size: int, axis: int = -1) -> np.ndarray:
    """Return the one-sided transform of real signals, zero-padded to `size`."""
    return np.asarray(fft.rfft(signals, size, axis))


def _fast_size(least: int) -> int:
    """Return a length of at least `least` that transforms quickly."""
    return int(fft.next_fast_len(least, real=True) or least)


def _channels(signals: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return a stretch of signals (S, T, K) channel by channel, (S·K, stop - start); zeros outside 0 … T.

    A channel at a time: numpy would copy all of them at once a sample at a time.
    """
    sources, length, channels = signals.shape
    begin, end = max(0, start), min(length, stop)
    found = np.zeros((sources * channels, stop - start))
    for source in range(sources):
        for channel in range(channels):
            found[source * channels + channel, begin - start : end - start] = signals[source, begin:end, channel]
    return found


def correlate(first: np.ndarray, others: list[np.ndarray], taps: int) -> np.ndarray:
    """Return r[a, b, lag + L - 1] = Σ_t first[a, t] · others[b, t + lag] for lags below `taps`: (A, B, 2L - 1).

    Blocks of `first` are correlated with the stretches of the others around them. The products
    are summed over all blocks in the frequency domain, so memory does not grow with the track.

    Args:
        first: (S, T, K); its channels are a = 0 … S·K - 1.
        others: signals like `first`; all their channels, one after the other, are b.
        taps: L.
    """
    length, margin = first.shape[1], taps - 1
    size = _fast_size(_BLOCK + 2 * margin)
    summed = np.zeros((len(first) * first.shape[2], len(others) * len(first) * first.shape[2], size // 2 + 1), complex)
    product = np.empty(size // 2 + 1, complex)
    for start in range(0, length, _BLOCK):
        stop = min(start + _BLOCK, length)
        left = np.conj(_transform(_channels(first, start, stop), size))
        right = _transform(np.concatenate([_channels(one, start - margin, stop + margin) for one in others]), size)
        for a, spectrum in enumerate(left):
            for b, other in enumerate(right):
                np.multiply(spectrum, other, out=product)
                summed[a, b] += product
    # A stretch begins L - 1 samples before its block, so lag -(L - 1) comes first.
    return np.asarray(fft.irfft(summed, size, axis=2))[..., : 2 * taps - 1]


def _toeplitz(correlations: np.ndarray, taps: int) -> np.ndarray:
    """Return the inner products of all delayed signals, (A·L, A·L), of their correlations (A, A, 2L - 1)."""
    delays = np.arange(taps)
    blocks = correlations[:, :, delays[:, None] - delays + taps - 1]  # (A, A, L, L)
    count = len(correlations) * taps
    return blocks.transpose(0, 2, 1, 3).reshape(count, count)


def solve(normal: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the solution of the normal equations and the reciprocal of the matrix's condition number.

    A matrix too near to singular for Cholesky's method is solved by least squares.
    """
    matrix = normal + np.finfo(float).eps * np.eye(len(normal))
    norm = float(np.abs(matrix).sum(0).max())
    try:
        factor = linalg.cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return np.linalg.lstsq(normal, right, rcond=None)[0], 0.0
    (condition,) = linalg.get_lapack_funcs(("pocon",), (factor,))
    reciprocal, _ = condition(factor, norm, uplo="L")
    return linalg.cho_solve((factor, True), right, check_finite=False), float(reciprocal)
