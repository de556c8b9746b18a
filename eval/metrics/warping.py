"""Dynamic time warping of two sequences of feature vectors, in a window that moves along the diagonal.

The steps are (1, 0), (0, 1) and (1, 1), all of weight 1, from the first frames of both sequences to the last; the cost
of a pair of frames is their Euclidean distance. The table of costs is filled row by row with array operations, and
only its part inside the window is kept: memory is frames × window × 8 bytes.

Shapes: N frames of the reference, M frames of the estimate, D features, W frames of the window, P pairs of the path.
"""

from dataclasses import dataclass

import numpy as np

_BLOCK = 256  # rows whose distances are computed at once


@dataclass(frozen=True)
class Warping:
    """The cheapest alignment of two sequences.

    Attributes:
        path: pairs of frames (of the reference, of the estimate), int, (P, 2), from the first to the last frames.
        cost: sum of the distances of the pairs.
    """

    path: np.ndarray
    cost: float

    def onto_reference(self) -> np.ndarray:
        """Return for each frame of the reference the first frame of the estimate that is paired with it, (N,)."""
        _, first = np.unique(self.path[:, 0], return_index=True)
        return self.path[first, 1]


def warp(reference: np.ndarray, estimate: np.ndarray, radius: int | None = None) -> Warping:
    """Align two sequences with the least sum of distances.

    Args:
        reference: features, float, (N, D), N at least 1.
        estimate: features, float, (M, D), M at least 1.
        radius: half the width of the window in frames of the estimate: the alignment stays in 2·radius + 1 frames
            around the straight line between the ends (at the ends, in the first or last so many); None allows any.

    Raises:
        ValueError: a sequence is empty, or their numbers of features differ.

    Example:
        >>> warp(np.array([[0.0], [1.0]]), np.array([[0.0], [0.0], [1.0]])).path.tolist()
        [[0, 0], [0, 1], [1, 2]]
    """
    if reference.ndim != 2 or estimate.ndim != 2 or reference.shape[1] != estimate.shape[1]:
        raise ValueError(f"features must be (N, D) and (M, D), not {reference.shape} and {estimate.shape}")
    rows, columns = len(reference), len(estimate)
    if not rows or not columns:
        raise ValueError("a sequence without frames cannot be aligned")
    slope = (columns - 1) / max(rows - 1, 1)
    width = columns if radius is None else min(columns, max(2 * radius + 1, int(np.ceil(slope)) + 2))
    line = np.rint(np.arange(rows) * slope).astype(np.int64)
    starts = np.clip(line - width // 2, 0, columns - width)  # first frame of the window, for each row
    table = _fill(np.asarray(reference, np.float64), np.asarray(estimate, np.float64), starts, width)
    return Warping(_trace(table, starts.tolist(), columns), float(table[-1, columns - 1 - starts[-1]]))


def _fill(reference: np.ndarray, estimate: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """Return the cost of the cheapest path to each pair inside the window, (N, W).

    Along a row the cheapest path comes from above somewhere and then runs to the right. With the sums C of the
    distances of the row, its cost is C_j plus the least (cost from above at k - C_(k-1)) over all k up to j.
    """
    table = np.empty((len(reference), width))
    above = np.full(2 * width + 2, np.inf)  # inf, the row before, inf …
    for block in range(0, len(reference), _BLOCK):
        distances = _distances(reference[block : block + _BLOCK], estimate, starts[block : block + _BLOCK], width)
        sums = np.cumsum(distances, 1)
        earlier = sums - distances
        for number, (total, before) in enumerate(zip(sums, earlier, strict=True), block):
            if number:
                above[1 : width + 1] = table[number - 1]
                moved = starts[number] - starts[number - 1]
                entry = np.minimum(above[moved : moved + width], above[moved + 1 : moved + 1 + width])
                table[number] = total + np.minimum.accumulate(entry - before)
            else:
                table[0] = total
    return table


def _distances(reference: np.ndarray, estimate: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """Return the distances of the frames of the reference, (rows, D), to those in their windows, (rows, W)."""
    first, last = int(starts[0]), int(starts[-1]) + width
    near = estimate[first:last]
    squares = np.square(reference).sum(1)[:, None] + np.square(near).sum(1) - 2 * reference @ near.T
    column = (starts - first)[:, None] + np.arange(width)
    return np.sqrt(np.maximum(np.take_along_axis(squares, column, 1), 0.0))


def _trace(table: np.ndarray, starts: list[int], columns: int) -> np.ndarray:
    """Return the pairs of the cheapest path, (P, 2); of equally good steps the diagonal one is taken."""
    width = table.shape[1]
    i, j = len(table) - 1, columns - 1

    def cost(row: int, column: int) -> float:
        at = column - starts[row] if row >= 0 else -1
        return float(table[row, at]) if 0 <= at < width else np.inf

    pairs = [(i, j)]
    while i or j:
        ways = ((cost(i - 1, j - 1), i - 1, j - 1), (cost(i - 1, j), i - 1, j), (cost(i, j - 1), i, j - 1))
        _, i, j = min(ways, key=lambda way: way[0])
        pairs.append((i, j))
    return np.array(pairs[::-1], np.int64)
