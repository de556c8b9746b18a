"""Compares two pitch tracks frame by frame.

Shapes: N frames of the reference, M of the estimate.
"""

import numpy as np

CENTS = 50.0


def count_in_tune(reference: np.ndarray, estimate: np.ndarray) -> tuple[int, int]:
    """Return the number of frames voiced in both that differ by at most 50 cents, and that voiced in the reference.

    Args:
        reference: F0 in Hz, (N,), 0 where unvoiced.
        estimate: F0 in Hz, (M,), 0 where unvoiced; the frames beyond the shorter of both are left out.

    Example:
        >>> count_in_tune(np.array([100.0, 100.0, 100.0, 0.0]), np.array([100.0, 104.0, 0.0, 100.0]))
        (1, 3)
    """
    count = min(len(reference), len(estimate))
    reference, estimate = reference[:count], estimate[:count]
    both = (reference > 0) & (estimate > 0)
    cents = 1200 * np.log2(estimate[both] / reference[both])
    return int((np.abs(cents) <= CENTS).sum()), int((reference > 0).sum())
