"""BSS Eval version 4 as museval defines it: SDR, ISR, SIR and SAR of each frame of a track.

Each estimate is projected by least squares onto two spaces: P_own, the span of all channels of its own reference, and
P_all, the span of all channels of all references, each channel delayed by 0 to L - 1 samples (L = 512 taps). The error
is the sum of three parts:

    estimate - reference = (P_own - reference) + (P_all - P_own) + (estimate - P_all)
                            spatial error        interference      artifacts

The filters of both projections are computed once from the whole track and then applied to each frame separately. The
tail of L - 1 samples that a filter adds after a frame belongs to the frame (Liutkus, Stöter and Ito, LVA/ICA 2018;
museval 0.4.1).

A track is seen in blocks, twice: once for the correlations, once for the frames. This implementation is faster than
museval for three reasons: correlations are summed over short blocks instead of one Fourier transform of the whole
track, the normal matrix is factored once for all estimates, and energies are summed in the frequency domain, so no
inverse transform is needed.

Shapes: S sources, T samples, K channels, L taps, N frames, F frequency bins. Computation is in float64.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import linalg
from threadpoolctl import threadpool_limits

from eval.metrics.blocks import Block, Held, blocks
from eval.metrics.correlations import Correlations, channels, fast_size, transform

TAPS = 512
METRICS = ("sdr", "isr", "sir", "sar")
_LENGTH = 1 << 17  # samples of a block of arrays; larger ones cost time, for their memory is new each time
_LOOK = 4096  # samples of a frame that are asked at once whether they are silent
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
    found = BssEval(references.shape, window, hop, taps)
    sounds = [Held(one) for one in (*references, *estimates)]
    with threadpool_limits(1):  # a second thread of the factorisation mostly waits
        for see in (found.survey, found.add):
            for block in blocks(sounds, found.margin, _LENGTH):
                see(block)
    return found.frames


class BssEval:
    """BSS Eval of a track that is seen block by block (`bss_eval`).

    All blocks go through `survey` before the first goes through `add`. They hold S references, then S estimates, and
    `margin` samples before and after them.

    Attributes:
        margin: number of samples.
    """

    def __init__(self, shape: tuple[int, int, int], window: int, hop: int, taps: int = TAPS) -> None:
        """Prepare for sources of `shape` (S, T, K); the rest as in `bss_eval`."""
        sources, length, channels = shape
        self._shape, self._window, self._hop, self._taps = shape, min(window, length), hop, taps
        self.margin = max(self._window, taps - 1)
        count = (length - self._window + hop) // hop
        self._decibels = np.full((len(METRICS), sources, count), np.nan)
        self._defined = np.zeros(count, bool)
        self._correlations = Correlations(sources * channels, 2 * sources * channels, taps, shared=True)
        self._filters: _Filters | None = None

    def survey(self, block: Block) -> None:
        """See a block for the first time."""
        for frame in self._frames(block):
            self._defined[frame] = _heard(block, frame * self._hop, self._window)
        self._correlations.add(block, slice(0, self._shape[0]), slice(None))

    def add(self, block: Block) -> None:
        """See a block for the second time."""
        for frame in self._frames(block):
            if self._defined[frame]:  # else, for example, one source is silent in the whole track
                if self._filters is None:
                    self._filters = _Filters(self._correlations.summed(), self._shape, self._window, self._taps)
                self._decibels[:, :, frame] = self._filters.ratios(block, frame * self._hop)

    def _frames(self, block: Block) -> range:
        """Return the numbers of the frames that begin in a block and are whole."""
        frames = block.frames(self._hop)
        return range(frames.start, min(frames.stop, len(self._defined)))

    @property
    def frames(self) -> Frames:
        """The results."""
        return Frames(self._decibels, self._filters.reciprocal_condition if self._filters else float("nan"))


def _heard(block: Block, start: int, window: int) -> bool:
    """Return whether all sounds of a block sound in the frame that begins at `start`.

    As in museval, a signal is silent if the sum over its channels is zero at every sample.
    """
    silent, frame = np.arange(len(block.samples)), block.cut(start, start + window)
    for first in range(0, window, _LOOK):  # nearly always, all of them sound in the first part
        part = frame[silent, first : first + _LOOK]
        silent = silent[~part.sum(2, dtype=np.float64).any(1)]
        if not len(silent):
            return True
    return False


class _Filters:
    """The filters of both projections for one track, and the ratios of single frames computed with them.

    Attributes:
        reciprocal_condition: reciprocal condition number of the normal matrix of all references.
    """

    def __init__(self, correlations: np.ndarray, shape: tuple[int, int, int], window: int, taps: int) -> None:
        sources, _, channels = shape
        self._sources, self._channels, self._window = sources, channels, window
        self._size = fast_size(window + taps - 1)
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
        return np.ascontiguousarray(transform(taps, self._size, axis=1).transpose(2, 0, 1))

    def _columns(self, source: int) -> slice:
        return slice(source * self._channels, (source + 1) * self._channels)

    def ratios(self, block: Block, start: int) -> np.ndarray:
        """Return the ratios in dB of the frame that begins at sample `start`, shape (4, S).

        One frame and one source are processed at a time, so that the data in use fit into the processor cache.
        """
        parts = slice(0, self._sources), slice(self._sources, None)
        true, found = (self._spectra(block, sounds, start) for sounds in parts)  # (S·K, F)
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

    def _spectra(self, block: Block, sounds: slice, start: int) -> np.ndarray:
        """Return the one-sided spectra of a frame, (S·K, F).

        They are scaled so that their sums of squares are proportional to energies, with the same factor for all
        signals (Parseval's theorem).
        """
        spectra = transform(channels(block, sounds, start, start + self._window), self._size)
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


def _toeplitz(correlations: np.ndarray, taps: int) -> np.ndarray:
    """Return the inner products of all delayed signals, (A·L, A·L), given their correlations (A, A, 2L - 1)."""
    lags = sliding_window_view(correlations, taps, axis=2)  # (A, A, L, L): at [..., i, j], lag i + j - (L - 1)
    count = len(correlations) * taps
    return lags[..., ::-1].transpose(0, 2, 1, 3).reshape(count, count)  # lag i - j


def solve(normal: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
    """Solve the normal equations `normal` @ x = `right`.

    Args:
        normal: symmetric matrix, shape (n, n).
        right: right-hand sides, shape (n, m).

    Returns:
        The solution x, shape (n, m), and the reciprocal condition number of the matrix. A matrix that is too close to
        singular for a Cholesky factorisation is solved by least squares, and its reciprocal condition number is 0.
    """
    matrix = np.array(normal.T, order="F")  # symmetric, and LAPACK takes columns
    matrix[np.diag_indices_from(matrix)] += np.finfo(float).eps
    norm_of, condition_of = linalg.get_lapack_funcs(("lange", "pocon"), (matrix,))
    norm = norm_of("1", matrix)
    try:
        factor = linalg.cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    except linalg.LinAlgError:
        return np.linalg.lstsq(normal, right, rcond=None)[0], 0.0
    reciprocal, _ = condition_of(factor, norm, uplo="L")
    return linalg.cho_solve((factor, True), right, check_finite=False), float(reciprocal)
