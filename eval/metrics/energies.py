"""Ratios of the energies of a whole track in dB: uSDR and SI-SDR.

Shapes: T samples, K channels.
"""

import numpy as np

_FLOOR = 1e-7


class Energies:
    """Energies of a reference, of what an estimate has of it, and of the error, summed block by block.

    All blocks go through `survey` before the first goes through `add`.
    """

    def __init__(self) -> None:
        self._signal, self._error, self._common, self._target, self._rest = 0.0, 0.0, 0.0, 0.0, 0.0
        self._heard = [False, False]

    def survey(self, reference: np.ndarray, estimate: np.ndarray) -> None:
        """See a block of both, float64, (n, K), for the first time."""
        self._signal += float(np.square(reference).sum())
        self._error += float(np.square(reference - estimate).sum())
        self._common += float((reference * estimate).sum())
        self._heard = [heard or bool(one.any()) for heard, one in zip(self._heard, (reference, estimate), strict=True)]

    def add(self, reference: np.ndarray, estimate: np.ndarray) -> None:
        """See a block of both, float64, (n, K), for the second time."""
        if self._signal > 0:
            target = self._common / self._signal * reference
            self._target += float(np.square(target).sum())
            self._rest += float(np.square(estimate - target).sum())

    @property
    def usdr(self) -> float:
        """The uSDR in dB (`usdr`)."""
        if not self._heard[0]:
            return float("nan")
        return float(10 * np.log10((self._signal + _FLOOR) / (self._error + _FLOOR)))

    @property
    def si_sdr(self) -> float:
        """The SI-SDR in dB (`si_sdr`)."""
        if self._signal == 0:
            return float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.float64(self._target) / np.float64(self._rest)
            return float(10 * np.log10(ratio)) if self._heard[1] else float("-inf")


def usdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the utterance-level SDR (uSDR) of an estimate in dB, over the whole track and all channels.

    10 log10((Σs² + 1e-7) / (Σ(s - e)² + 1e-7)) for reference s and estimate e, as in the challenges MDX21 and SDX23.

    Args:
        reference: true source, float, shape (T, K), full scale [-1, 1].
        estimate: estimated source, same shape.

    Returns:
        The uSDR in dB, larger is better; NaN if the reference is silent.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> reference = np.array([[1.0, -1.0], [2.0, 0.0]])
        >>> round(usdr(reference, 0.9 * reference), 3)
        20.0
    """
    return _summed(reference, estimate).usdr


def si_sdr(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the scale-invariant SDR of an estimate in dB (Le Roux et al. 2019), over the whole track.

    All channels are treated as one vector. The reference is scaled to fit the estimate best.

    Args:
        reference: true source, float, shape (T, K).
        estimate: estimated source, same shape.

    Returns:
        The SI-SDR in dB, larger is better; NaN if the reference is silent, -inf if only the estimate is silent, inf if
        the estimate is a scaled copy of the reference.

    Raises:
        ValueError: the shapes differ.
    """
    return _summed(reference, estimate).si_sdr


def _summed(reference: np.ndarray, estimate: np.ndarray) -> Energies:
    """Return the energies of a track that is one block.

    Raises:
        ValueError: the shapes differ.
    """
    if np.shape(reference) != np.shape(estimate):
        raise ValueError(f"reference {np.shape(reference)} and estimate {np.shape(estimate)} differ in shape")
    pair = np.asarray(reference, np.float64), np.asarray(estimate, np.float64)
    found = Energies()
    found.survey(*pair)
    found.add(*pair)
    return found
