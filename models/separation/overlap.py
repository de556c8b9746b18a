"""Long sound in pieces: chunks that overlap, cross-faded so that nothing is heard of the seams.

    chunk 0  ────────────────╲
    chunk 1              ╱────────────────╲      weights of a sample always add up to one
    chunk 2                           ╱───────────────

Memory holds a few chunks, whatever the length. A function that returns its input gives the input back.

Shapes: B chunks at once, T samples, K channels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Work = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Chunks:
    """How a long signal is cut: samples of a chunk, samples it shares with the next, chunks computed at once."""

    size: int
    overlap: int
    batch: int = 1


def chunk_starts(length: int, chunk: int, overlap: int) -> range:
    """Return where chunks begin that cover `length` samples; the last may reach beyond the end.

    Raises:
        ValueError: chunks do not move on.
    """
    if not 0 <= overlap <= chunk // 2:
        raise ValueError(f"an overlap of {overlap} samples in chunks of {chunk}; at most half fits")
    step = chunk - overlap
    return range(0, max(1, length - overlap), step)


def fade(chunk: int, overlap: int, *, first: bool, last: bool) -> np.ndarray:
    """Return the weights of a chunk, (chunk,): linear ramps where it overlaps a neighbour."""
    weights = np.ones(chunk, np.float32)
    ramp = (np.arange(overlap, dtype=np.float32) + 0.5) / max(1, overlap)
    if not first:
        weights[:overlap] = ramp
    if not last and overlap:
        weights[-overlap:] = ramp[::-1]
    return weights


def in_chunks(read: Callable[[int, int], np.ndarray], length: int, work: Work, chunks: Chunks) -> Iterator[np.ndarray]:
    """Yield what `work` makes of a long signal, piece by piece, (pieces of T, K), together `length` long.

    Args:
        read: returns samples start … stop, (T, K) float.
        length: of the signal in samples.
        work: given chunks (B, size, K), zero-padded at the end of the signal, returns as many as long.
        chunks: how the signal is cut.
    """
    chunk, overlap, batch = chunks.size, chunks.overlap, chunks.batch
    starts = chunk_starts(length, chunk, overlap)
    tail: np.ndarray | None = None
    for begin in range(0, len(starts), batch):
        some: Sequence[int] = starts[begin : begin + batch]
        pieces = [read(start, min(start + chunk, length)) for start in some]
        padded = np.stack([np.pad(one, ((0, chunk - len(one)), (0, 0))) for one in pieces])
        for start, made in zip(some, work(padded), strict=True):
            first, last = start == 0, start == starts[-1]
            weighted = made * fade(chunk, overlap, first=first, last=last)[:, None]
            if tail is not None:
                weighted[:overlap] += tail
            tail = None if last else weighted[chunk - overlap :].copy()
            yield weighted[: length - start] if last else weighted[: chunk - overlap]
