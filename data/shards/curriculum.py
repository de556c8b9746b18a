"""Sources of batches one after the other: the first steps take batches of one source, the later ones of another."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from data.shards.loader import Batch


class Numbered(Protocol):
    """Source of batches that are numbered by step."""

    def stream(self, start: int, stop: int, loaders: int = 1) -> AbstractContextManager[Iterator[Batch]]:
        """Return a context manager that gives the batches of steps start, start + 1, … stop - 1."""
        ...


class Curriculum:
    """Batches numbered by step, taken from several sources in turn. A step has the same number in its source.

    Example:
        >>> batches = Curriculum([(0, made_here), (300, recorded)])  # 300 steps of the first, then the second
        >>> with batches.stream(0, 1000) as stream:
        ...     for batch in stream:
        ...         train(batch)
    """

    def __init__(self, parts: Sequence[tuple[int, Numbered]]) -> None:
        """Take the sources, each with the first step that it gives the batch of; the first one begins at step 0."""
        self._parts = list(parts)

    @contextmanager
    def stream(self, start: int, stop: int, loaders: int = 1) -> Iterator[Iterator[Batch]]:
        """Context manager: an iterator over the batches of steps start to stop - 1, read ahead by `loaders` threads."""
        batches = self._batches(start, stop, loaders)
        try:
            yield batches
        finally:
            batches.close()

    def _batches(self, start: int, stop: int, loaders: int) -> Generator[Batch, None, None]:
        ends = [begin for begin, _ in self._parts[1:]]
        for (begin, source), end in zip(self._parts, [*ends, stop], strict=True):
            first, last = max(begin, start), min(end, stop)
            if first < last:
                with source.stream(first, last, loaders) as stream:
                    yield from stream
