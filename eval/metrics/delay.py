"""The delay of an estimate against its reference.

Energy ratios are ruined by a delay that nobody hears: MP3 and AAC encoders shift sound by some 25 to 50 ms. So the
delay is measured and told beside them; nothing is shifted.

Shapes: T samples, K channels.
"""

import numpy as np

from eval.metrics.blocks import Block
from eval.metrics.correlations import Correlations

REACH = 0.1  # seconds
_LEAST, _CLEARLY = 0.1, 1.02


class Lag:
    """The delay of an estimate against its reference, whose correlation is summed block by block.

    Args:
        sample_rate: in Hz. Blocks hold `reach` samples before and after them.
    """

    def __init__(self, sample_rate: int) -> None:
        self.reach = int(REACH * sample_rate)
        self._rate, self._energies = sample_rate, np.zeros(2)
        self._correlations = Correlations(1, 1, self.reach + 1)

    def add(self, block: Block) -> None:
        """See a block of the reference and the estimate."""
        mono = Block(block.start, block.stop, block.length, block.first, _mono(block.samples))
        self._energies += np.square(mono.inside).sum((1, 2))
        self._correlations.add(mono, slice(0, 1), slice(1, 2))

    @property
    def milliseconds(self) -> float:
        """The delay in ms (`best_lag`)."""
        size = float(np.sqrt(self._energies).prod())
        if size == 0:
            return float("nan")
        correlation = self._correlations.summed()[0, 0] / size  # delays -reach ... reach
        best = int(np.argmax(correlation))
        if correlation[best] < _LEAST:
            return float("nan")
        here = float(correlation[self.reach])
        return 0.0 if correlation[best] <= _CLEARLY * here else 1000 * (best - self.reach) / self._rate


def _mono(samples: np.ndarray) -> np.ndarray:
    """Return the sums of all channels of (S, n, K) in float64, (S, n, 1)."""
    return samples.astype(np.float64).sum(2, keepdims=True)


def best_lag(reference: np.ndarray, estimate: np.ndarray, sample_rate: int) -> float:
    """Return by how much an estimate lags behind its reference, in ms.

    It is the delay of at most 0.1 s at which the correlation of the sums of the channels is largest; 0 unless it is 2 %
    larger there than without a delay, because a voice is nearly periodic.

    Args:
        reference: true source, float, (T, K).
        estimate: estimated source, same shape.
        sample_rate: in Hz.

    Returns:
        The delay in ms, negative for an estimate that comes too early. NaN if one of both is silent, or if they have
        so little in common at any delay (correlation below 0.1) that the delay would say nothing.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> voice = np.random.default_rng(0).standard_normal((16_000, 1))
        >>> best_lag(voice, np.roll(voice, 160, axis=0), 16_000)
        10.0
    """
    if np.shape(reference) != np.shape(estimate):
        raise ValueError(f"reference {np.shape(reference)} and estimate {np.shape(estimate)} differ in shape")
    lag = Lag(sample_rate)
    lag.add(Block.whole(np.stack([reference, estimate])))
    return lag.milliseconds
