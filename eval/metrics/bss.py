"""BSS Eval version 4 as museval defines it: SDR, ISR, SIR and SAR of each frame of a track.

Each estimate is projected by least squares onto two spaces: P_own, the span of all channels of its own reference, and
P_all, the span of all channels of all references, each channel delayed by 0 to L - 1 samples (L = 512 taps). The error
is the sum of three parts:

    estimate - reference = (P_own - reference) + (P_all - P_own) + (estimate - P_all)
                            spatial error        interference      artifacts

The filters of both projections are computed once from the whole track and then applied to each frame separately. The
tail of L - 1 samples that a filter adds after a frame belongs to the frame (Liutkus, Stöter and Ito, LVA/ICA 2018;
museval 0.4.1).

This implementation is faster than museval for three reasons: correlations are summed over short blocks instead of one
Fourier transform of the whole track, the normal matrix is factored once for all estimates, and energies are summed in
the frequency domain, so no inverse transform is needed.

Shapes: S sources, T samples, K channels, L taps, N frames, F frequency bins. Computation is in float64.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft, linalg

TAPS = 512
_BLOCK = 1 << 15  # number of samples in a block of `correlate`
METRICS = ("sdr", "isr", "sir", "sar")
ILL_CONDITIONED = 1e-12  # below this reciprocal condition number, rounding errors dominate the filters


@dataclass(frozen=True)
class Frames:
    """The results of BSS Eval for the frames of a track.

    Attributes:
        decibels: ratios in dB, shape (4, S, N), in the order of `METRICS`; larger is better. NaN in frames in which any
            reference or any estimate is silent.
        reciprocal_condition: reciprocal condition number of the normal matrix of all references, 0 to 1. Below
            `ILL_CONDITIONED`, ISR, SIR and SAR are dominated by rounding errors. 0 if the matrix is too close to
            singular for a Cholesky factorisation; NaN if all frames are undefined and no filters were computed.
    """

    decibels: np.ndarray
    reciprocal_condition: float

    @property
    def undefined(self) -> int:
        """Number of frames without a value."""
        return int(np.isnan(self.decibels[0]).all(0).sum())


def bss_eval(references: np.ndarray, estimates: np.ndarray, window: int, hop: int, taps: int = TAPS) -> Frames:
    """Return SDR, ISR, SIR and SAR of each source in each frame of a track.

    Samples after the last whole frame are not scored.

    Args:
        references: true sources, float, shape (S, T, K).
        estimates: estimated sources in the same order, float, shape (S, T, K).
        window: length of a frame in samples. A track that is shorter is scored as one frame.
        hop: distance between the starts of two frames, in samples.
        taps: L, length of the projection filters in samples.

    Raises:
        ValueError: the shapes differ or are not (S, T, K).

    Example:
        >>> frames = bss_eval(references, estimates, window=44100, hop=44100)
        >>> sdr, isr, sir, sar = frames.decibels  # (S, N) each
    """
    if references.shape != estimates.shape or references.ndim != 3:
        raise ValueError(f"references {references.shape} and estimates {estimates.shape} are not alike (S, T, K)")
    sources, length, _ = references.shape
    window = min(window, length)
    starts = np.arange((length - window + hop) // hop) * hop
    decibels = np.full((len(METRICS), sources, len(starts)), np.nan)
    defined = np.array([_heard(references, start, window) and _heard(estimates, start, window) for start in starts])
    if not defined.any():  # for example, one source is silent in the whole track
        return Frames(decibels, float("nan"))
    filters = _Filters(references, estimates, window, taps)
    for frame in np.flatnonzero(defined):
        decibels[:, :, frame] = filters.ratios(references, estimates, starts[frame])
    return Frames(decibels, filters.reciprocal_condition)


def _heard(signals: np.ndarray, start: int, window: int) -> bool:
    """Return whether all signals (S, T, K) sound in the frame that begins at `start`.

    As in museval, a signal is silent if the sum over its channels is zero at every sample.
    """
    channels = _channels(signals, start, start + window).reshape(len(signals), signals.shape[2], -1)
    return bool(channels.sum(1).any(1).all())


class _Filters:
    """The filters of both projections for one track, and the ratios of single frames computed with them.

    Attributes:
        reciprocal_condition: reciprocal condition number of the normal matrix of all references.
    """

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
        """Return the frequency responses (outputs, inputs, F) of filters (inputs·L, outputs).

        There are as many inputs as outputs.
        """
        taps = solution.reshape(solution.shape[1], -1, solution.shape[1])  # (inputs, L, outputs)
        return np.ascontiguousarray(_transform(taps, self._size, axis=1).transpose(2, 0, 1))

    def _columns(self, source: int) -> slice:
        return slice(source * self._channels, (source + 1) * self._channels)

    def ratios(self, references: np.ndarray, estimates: np.ndarray, start: int) -> np.ndarray:
        """Return the ratios in dB of the frame that begins at sample `start`, shape (4, S).

        One frame and one source are processed at a time, so that the data in use fit into the processor cache.
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
        """Return the one-sided spectra of a frame, (S·K, F).

        They are scaled so that their sums of squares are proportional to energies, with the same factor for all
        signals (Parseval's theorem).
        """
        spectra = _transform(_channels(signals, start, start + self._window), self._size)
        # Each bin represents a positive and a negative frequency, except the lowest bin and, if the size is even, the
        # highest one.
        spectra[:, 0] *= np.sqrt(0.5)
        if self._size % 2 == 0:
            spectra[:, -1] *= np.sqrt(0.5)
        return spectra


def _filtered(responses: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Apply filters with responses (outputs, inputs, F) to spectra (inputs, F); return spectra (outputs, F)."""
    total, product = np.empty((len(responses), inputs.shape[1]), complex), np.empty(inputs.shape[1], complex)
    for output, row in enumerate(responses):
        np.multiply(row[0], inputs[0], out=total[output])
        for response, spectrum in zip(row[1:], inputs[1:], strict=True):
            np.multiply(response, spectrum, out=product)
            total[output] += product
    return total


def _transform(signals: np.ndarray, size: int, axis: int = -1) -> np.ndarray:
    """Return the one-sided Fourier transform of real signals along `axis`, zero-padded to `size`."""
    return np.asarray(fft.rfft(signals, size, axis))


def _fast_size(least: int) -> int:
    """Return a length of at least `least` for which the Fourier transform is fast."""
    return int(fft.next_fast_len(least, real=True) or least)


def _channels(signals: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Return samples `start` to `stop` of signals (S, T, K) as one row for each channel, (S·K, stop - start).

    Samples outside 0 … T are zero. The loop copies one channel at a time, because one numpy copy of all channels would
    go through memory sample by sample and be slower.
    """
    sources, length, channels = signals.shape
    begin, end = max(0, start), min(length, stop)
    found = np.zeros((sources * channels, stop - start))
    for source in range(sources):
        for channel in range(channels):
            found[source * channels + channel, begin - start : end - start] = signals[source, begin:end, channel]
    return found


def correlate(first: np.ndarray, others: list[np.ndarray], taps: int) -> np.ndarray:
    """Return the cross-correlations of all channels of `first` with all channels of `others`, for lags |lag| < `taps`.

    Blocks of `first` are correlated with the surrounding parts of the others. The products are summed over all blocks
    in the frequency domain, so the memory needed does not depend on the length of the track.

    Args:
        first: signals, shape (S, T, K). Its channels have the indices a = 0 … A - 1, with A = S·K.
        others: signals of the same shape as `first`. The channels of all of them, one array after the other, have the
            indices b = 0 … B - 1.
        taps: L, the number of lags from 0 on.

    Returns:
        r[a, b, lag + L - 1] = Σ_t first[a, t] · others[b, t + lag], shape (A, B, 2L - 1).
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
    # The part of the others begins L - 1 samples before the block, so the first lag is -(L - 1).
    return np.asarray(fft.irfft(summed, size, axis=2))[..., : 2 * taps - 1]


def _toeplitz(correlations: np.ndarray, taps: int) -> np.ndarray:
    """Return the inner products of all delayed signals, (A·L, A·L), given their correlations (A, A, 2L - 1)."""
    delays = np.arange(taps)
    blocks = correlations[:, :, delays[:, None] - delays + taps - 1]  # (A, A, L, L)
    count = len(correlations) * taps
    return blocks.transpose(0, 2, 1, 3).reshape(count, count)


def solve(normal: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
    """Solve the normal equations `normal` @ x = `right`.

    Args:
        normal: symmetric matrix, shape (n, n).
        right: right-hand sides, shape (n, m).

    Returns:
        The solution x, shape (n, m), and the reciprocal condition number of the matrix. A matrix that is too close to
        singular for a Cholesky factorisation is solved by least squares, and its reciprocal condition number is 0.
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
