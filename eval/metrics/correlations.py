"""Cross-correlations of sounds of any length, summed over short blocks in the frequency domain.

Shapes: A and B channels, S sounds, T samples, K channels of a sound, L lags from 0 on.
"""

import numpy as np
from scipy import fft

from eval.metrics.blocks import Block

_SIZE = 10_240  # least number of samples that are transformed at once: few enough for the processor cache


class Correlations:
    """Cross-correlations of A channels with B channels, for lags |lag| < L, summed block by block.

    Args:
        first: A.
        others: B.
        taps: L. Blocks hold L - 1 samples before and after them.
        shared: whether the first A of the B channels are the A channels themselves. Then the correlation of each two of
            them is computed once.

    Example:
        >>> correlations = Correlations(2, 2, taps=512, shared=True)
        >>> correlations.add(block, slice(0, 1), slice(0, 1))  # both channels of the first sound
        >>> correlations.summed().shape
        (2, 2, 1023)
    """

    def __init__(self, first: int, others: int, taps: int, *, shared: bool = False) -> None:
        self._taps, self._shared, self._size, margins = taps, shared, _SIZE, 2 * (taps - 1)
        while 4 * margins > self._size:
            self._size *= 2
        self._block = self._size - margins
        self._summed = np.zeros((first, others, self._size // 2 + 1), complex)

    def add(self, block: Block, first: slice, others: slice) -> None:
        """Add what a block contributes.

        Args:
            block: part of all sounds. Its channels are numbered sound by sound.
            first: which sounds have the channels a = 0 … A - 1.
            others: which sounds have the channels b = 0 … B - 1.
        """
        margin, product = self._taps - 1, np.empty(self._summed.shape[2], complex)
        for start in range(block.start, block.stop, self._block):
            stop = min(start + self._block, block.stop)
            left = np.conj(transform(channels(block, first, start, stop), self._size))
            right = transform(channels(block, others, start - margin, stop + margin), self._size)
            for a, spectrum in enumerate(left):
                for b in range(a if self._shared else 0, len(right)):
                    np.multiply(spectrum, right[b], out=product)
                    self._summed[a, b] += product

    def summed(self) -> np.ndarray:
        """Return r[a, b, lag + L - 1] = Σ_t first[a, t] · others[b, t + lag], shape (A, B, 2L - 1)."""
        # The part of the others begins L - 1 samples before the block, so the first lag is -(L - 1).
        found = np.asarray(fft.irfft(self._summed, self._size, axis=2))[..., : 2 * self._taps - 1]
        for a in range(len(found) if self._shared else 0):
            found[a, :a] = found[:a, a, ::-1]
        return found


def transform(signals: np.ndarray, size: int, axis: int = -1) -> np.ndarray:
    """Return the one-sided Fourier transform of real signals along `axis`, zero-padded to `size`."""
    return np.asarray(fft.rfft(signals, size, axis))


def fast_size(least: int) -> int:
    """Return a length of at least `least` for which the Fourier transform is fast."""
    return int(fft.next_fast_len(least, real=True) or least)


def channels(block: Block, sounds: slice, start: int, stop: int) -> np.ndarray:
    """Return samples `start` to `stop` of sounds as one row for each channel, float64, (S·K, stop - start).

    Samples outside 0 … T are zero. Where the block holds such rows already, they are not copied.
    """
    held = block.cut(start, stop)[sounds].transpose(0, 2, 1)
    count, before = held.shape[0] * held.shape[1], max(0, -start)
    if held.shape[2] < stop - start:
        found = np.zeros((*held.shape[:2], stop - start))
        found[..., before : before + held.shape[2]] = held
        held = found
    return held.reshape(count, stop - start).astype(np.float64, copy=False)
