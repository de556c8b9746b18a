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

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import fft, linalg

TAPS = 512
_BLOCK = 1 << 15  # samples of a block of the correlations
_TOGETHER = 8  # frames projected at once
METRICS = ("sdr", "isr", "sir", "sar")


@dataclass(frozen=True)
class Frames:
    """What BSS Eval finds.

    Attributes:
        decibels: (4, S, N) in the order of `METRICS`; NaN where a frame is undefined, because some
            reference or estimate is silent in it.
        reciprocal_condition: of the normal matrix of all references; below 1e-12 the filters are
            made of rounding errors, and SIR, SAR and ISR with them. NaN if nothing was solved.
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
    defined = np.flatnonzero(heard)
    for first in range(0, len(defined), _TOGETHER):
        some = defined[first : first + _TOGETHER]
        decibels[:, :, some] = filters.ratios(references, estimates, starts[some])
    return Frames(decibels, filters.reciprocal_condition)


def _heard(signals: np.ndarray, start: int, window: int) -> bool:
    """Return whether no signal is silent in a frame; as in museval, the sum over channels decides."""
    return bool(signals[:, start : start + window].sum(2, dtype=np.float64).any(1).all())


class _Filters:
    """The filters of both projections, and what they make of frames."""

    def __init__(self, references: np.ndarray, estimates: np.ndarray, window: int, taps: int) -> None:
        sources, _, channels = references.shape
        self._sources, self._channels, self._window = sources, channels, window
        self._size = _fast_size(window + taps - 1)
        correlations = correlate(_rows(references), [_rows(references), _rows(estimates)], taps)
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
        """Return the frequency responses of filters (inputs·L, outputs), as many in as out: (F, outputs, inputs)."""
        taps = solution.reshape(solution.shape[1], -1, solution.shape[1])  # (inputs, L, outputs)
        return np.ascontiguousarray(_transform(taps, self._size, axis=1).transpose(1, 2, 0))

    def _columns(self, source: int) -> slice:
        return slice(source * self._channels, (source + 1) * self._channels)

    def ratios(self, references: np.ndarray, estimates: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return the ratios of frames, (4, S, len(starts)), in decibels."""
        true, found = (self._spectra(signals, starts) for signals in (references, estimates))  # (F, SK, N)
        projected = self._all @ true
        energies = np.empty((7, self._sources, len(starts)))
        for source in range(self._sources):
            here = self._columns(source)
            reference, estimate, everything = true[:, here], found[:, here], projected[:, here]
            alone = self._own[source] @ reference
            pieces = (reference, estimate - reference, alone - reference, alone)
            pieces += (everything - alone, everything, estimate - everything)
            energies[:, source] = [self._energy(piece) for piece in pieces]
        reference, error, spatial, alone, interference, everything, artifacts = energies
        pairs = ((reference, error), (reference, spatial), (alone, interference), (everything, artifacts))
        with np.errstate(divide="ignore"):
            return np.stack([10 * np.log10(above / below) for above, below in pairs])

    def _spectra(self, signals: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Return the transforms of frames, (F, S·K, N)."""
        frames = np.empty((len(starts), self._sources * self._channels, self._window))
        for frame, start in zip(frames, starts, strict=True):
            frame[:] = _rows(signals[:, start : start + self._window])
        return np.ascontiguousarray(_transform(frames, self._size).transpose(2, 1, 0))

    def _energy(self, spectra: np.ndarray) -> np.ndarray:
        """Return the energy of signals whose transforms are (F, K, N), over channels: (N,), by Parseval's theorem."""
        parts = np.ascontiguousarray(spectra).view(np.float64)  # (F, K, 2N): real and imaginary parts
        square = np.square(parts).reshape(len(parts), -1)
        total = 2 * square.sum(0) - square[0] - (square[-1] if self._size % 2 == 0 else 0)
        return total.reshape(self._channels, -1, 2).sum((0, 2))


def _transform(signals: np.ndarray, size: int, axis: int = -1) -> np.ndarray:
    """Return the one-sided transform of real signals, zero-padded to `size`."""
    return np.asarray(fft.rfft(signals, size, axis))


def _fast_size(least: int) -> int:
    """Return a length of at least `least` that transforms quickly."""
    return int(fft.next_fast_len(least, real=True) or least)


def _rows(signals: np.ndarray) -> np.ndarray:
    """Return (S, T, K) as a view (S·K, T) where its layout allows."""
    sources, length, channels = signals.shape
    return signals.transpose(0, 2, 1).reshape(sources * channels, length)


def correlate(first: np.ndarray, others: list[np.ndarray], taps: int) -> np.ndarray:
    """Return r[a, b, lag + L - 1] = Σ_t first[a, t] · others[b, t + lag] for lags below `taps`: (A, B, 2L - 1).

    Blocks of `first` are correlated with the stretches of the others around them. The products
    are summed over all blocks in the frequency domain, so memory does not grow with the track.
    """
    around = _BLOCK + 2 * (taps - 1)
    size = _fast_size(around)
    summed: np.ndarray | None = None
    for left, right in _blocks(first, others, taps):
        spectra = np.conj(_transform(left, size)), _transform(right, size)  # (A, F), (B, F)
        product = spectra[0].T[:, :, None] * spectra[1].T[:, None, :]  # (F, A, B)
        summed = product if summed is None else np.add(summed, product, out=summed)
    assert summed is not None
    # A stretch begins L - 1 samples before its block, so lag -(L - 1) comes first.
    return np.asarray(fft.irfft(summed, size, axis=0))[: 2 * taps - 1].transpose(1, 2, 0)


def _blocks(first: np.ndarray, others: list[np.ndarray], taps: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield each block of `first`, (A, block), and the others around it, (B, block + 2L - 2), zeros outside."""
    length, margin = first.shape[1], taps - 1
    for start in range(0, length, _BLOCK):
        stop = min(start + _BLOCK, length)
        begin, end = max(0, start - margin), min(length, stop + margin)
        right = np.zeros((sum(map(len, others)), stop - start + 2 * margin))
        right[:, begin - start + margin : end - start + margin] = np.concatenate([one[:, begin:end] for one in others])
        yield np.asarray(first[:, start:stop], np.float64), right


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
