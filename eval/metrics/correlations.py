"""Cross-correlations of sounds of any length, summed over short blocks in the frequency domain.

Shapes: A and B channels, S sounds, T samples, K channels of a sound, L lags from 0 on.
"""

import numpy as np
from scipy import fft

from eval.metrics.blocks import Block

_BLOCK = 1 << 15  # number of samples that are transformed at once


class Correlations:
    """Cross-correlations of A channels with B channels, for lags |lag| < L, summed block by block.

    Args:
        first: A.
        others: B.
        taps: L. Blocks hold L - 1 samples before and after them.
    """

    def __init__(self, first: int, others: int, taps: int) -> None:
        self._taps, self._size = taps, fast_size(_BLOCK + 2 * (taps - 1))
        self._summed = np.zeros((first, others, self._size // 2 + 1), complex)

    def add(self, block: Block, first: slice, others: slice) -> None:
        """Add what a block contributes.

        Args:
            block: part of all sounds. Its channels are numbered sound by sound.
            first: which sounds have the channels a = 0 … A - 1.
            others: which sounds have the channels b = 0 … B - 1.
        """
        margin, product = self._taps - 1, np.empty(self._summed.shape[2], complex)
        for start in range(block.start, block.stop, _BLOCK):
            stop = min(start + _BLOCK, block.stop)
            left = np.conj(transform(channels(block, first, start, stop), self._size))
            right = transform(channels(block, others, start - margin, stop + margin), self._size)
            for a, spectrum in enumerate(left):
                for b, other in enumerate(right):
                    np.multiply(spectrum, other, out=product)
                    self._summed[a, b] += product

    def summed(self) -> np.ndarray:
        """Return r[a, b, lag + L - 1] = Σ_t first[a, t] · others[b, t + lag], shape (A, B, 2L - 1)."""
        # The part of the others begins L - 1 samples before the block, so the first lag is -(L - 1).
        return np.asarray(fft.irfft(self._summed, self._size, axis=2))[..., : 2 * self._taps - 1]


def transform(signals: np.ndarray, size: int, axis: int = -1) -> np.ndarray:
    """Return the one-sided Fourier transform of real signals along `axis`, zero-padded to `size`."""
    return np.asarray(fft.rfft(signals, size, axis))


def fast_size(least: int) -> int:
    """Return a length of at least `least` for which the Fourier transform is fast."""
    return int(fft.next_fast_len(least, real=True) or least)


def channels(block: Block, sounds: slice, start: int, stop: int) -> np.ndarray:
    """Return samples `start` to `stop` of sounds as one row for each channel, float64, (S·K, stop - start).

    Samples outside 0 … T are zero. The loop copies one channel at a time, because one numpy copy of all channels would
    go through memory sample by sample and be slower.
    """
    held = block.cut(start, stop)[sounds]
    before = max(0, -start)
    after = before + held.shape[1]
    found = np.empty((len(held) * held.shape[2], stop - start))
    found[:, :before], found[:, after:] = 0, 0
    for row, (sound, channel) in enumerate(np.ndindex(len(held), held.shape[2])):
        found[row, before:after] = held[sound, :, channel]
    return found
