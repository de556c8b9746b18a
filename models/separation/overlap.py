"""Processes long signals in overlapping chunks that are cross-faded, so that the chunk boundaries are not audible.

    chunk 0  ────────────────╲
    chunk 1              ╱────────────────╲      the weights of each sample add up to one
    chunk 2                       ┈┈┈┈╱───────────────    the last one begins earlier and ends with the signal

All chunks are full of sound, because silence added to the last one would change the statistics that networks normalise
with. A signal that is shorter than a chunk is processed whole. Memory holds only a few chunks, whatever the length of
the signal. If the function that processes the chunks returns its input, the result is the input signal.

Shapes: B chunks processed at once, T samples, K channels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

Work = Callable[[np.ndarray], np.ndarray]  # takes chunks (B, size, K), returns chunks of the same shape


@dataclass(frozen=True)
class Chunks:
    """How a long signal is divided into chunks.

    Attributes:
        size: length of a chunk in samples.
        overlap: number of samples that a chunk shares with the next one, at most half of `size`.
        batch: number of chunks processed at once.
        multiple: lengths that can be processed are multiples of this. A signal shorter than a chunk is padded with
            zeros to the next one.
    """

    size: int
    overlap: int
    batch: int = 1
    multiple: int = 1


def chunk_starts(length: int, chunk: int, overlap: int) -> range:
    """Return from where on each chunk counts, for all chunks that are needed to cover `length` samples.

    The last chunk begins earlier where it would reach beyond the end.

    Args:
        length: length of the signal in samples.
        chunk: length of a chunk in samples.
        overlap: number of samples that neighbouring chunks share.

    Raises:
        ValueError: the overlap is negative or more than half a chunk.

    Example:
        >>> list(chunk_starts(1000, chunk=400, overlap=100))
        [0, 300, 600]
    """
    if not 0 <= overlap <= chunk // 2:
        raise ValueError(f"an overlap of {overlap} samples in chunks of {chunk}; at most half fits")
    step = chunk - overlap
    return range(0, max(1, length - overlap), step)


def fade(chunk: int, overlap: int, *, first: bool, last: bool) -> np.ndarray:
    """Return the cross-fade weights of a chunk, (chunk,) float32: linear ramps where it overlaps a neighbour."""
    weights = np.ones(chunk, np.float32)
    ramp = (np.arange(overlap, dtype=np.float32) + 0.5) / max(1, overlap)
    if not first:
        weights[:overlap] = ramp
    if not last and overlap:
        weights[-overlap:] = ramp[::-1]
    return weights


def in_chunks(read: Callable[[int, int], np.ndarray], length: int, work: Work, chunks: Chunks) -> Iterator[np.ndarray]:
    """Process a long signal in chunks and yield the result in consecutive pieces, `length` samples in total.

    Args:
        read: returns samples start … stop - 1 of the signal, float, (stop - start, K). It is called in order.
        length: length of the signal in samples.
        work: processes chunks (B, size, K); returns the same shape. The chunk of a signal that is shorter than a chunk
            is as long as the signal, rounded up to `Chunks.multiple`.
        chunks: how the signal is divided.

    Yields:
        Pieces of the processed signal, (samples of the piece, K).

    Raises:
        ValueError: the overlap is negative or more than half a chunk.

    Example:
        >>> signal = np.ones((1000, 1), np.float32)
        >>> pieces = in_chunks(lambda start, stop: signal[start:stop], 1000, np.negative, Chunks(400, 100))
        >>> sum(len(piece) for piece in pieces)
        1000
    """
    overlap, starts = chunks.overlap, chunk_starts(length, chunks.size, chunks.overlap)
    size = min(chunks.size, -(-length // chunks.multiple) * chunks.multiple)
    tail: np.ndarray | None = None
    for begin in range(0, len(starts), chunks.batch):
        some: Sequence[int] = starts[begin : begin + chunks.batch]
        begins = [max(0, min(start, length - size)) for start in some]
        pieces = [read(start, min(start + size, length)) for start in begins]
        full = np.stack([np.pad(one, ((0, size - len(one)), (0, 0))) for one in pieces])
        for start, made in zip(some, work(full), strict=True):
            first, last = start == 0, start == starts[-1]
            kept = made[max(0, start - max(0, length - size)) :]
            weighted = kept * fade(len(kept), overlap, first=first, last=last)[:, None]
            if tail is not None:
                weighted[:overlap] += tail
            tail = None if last else weighted[len(kept) - overlap :].copy()
            yield weighted[: length - start] if last else weighted[: len(kept) - overlap]
