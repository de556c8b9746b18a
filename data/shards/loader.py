"""Loads training batches of recordings; each batch is a pure function of (seed, step).

The order of epoch e is a permutation drawn from (seed, e) only, and step s takes the next batch of it. So a resumed
run, or a run with another number of threads or processes, gets the same batches, and no loader state is saved.

Threads read ahead of the training step into a ring of buffers that are reused, because the first access to newly
allocated memory costs more than reading the file. int16 audio is converted later, on the training device. Threads are
enough where the work is done by native code that releases the interpreter lock, and here it is: reading, checksums,
resampling and arithmetic on long arrays. They end with the process, however it ends, and share its open files.

Shapes: B batch, T samples, K channels.
"""

import functools
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice

import numpy as np

from data.errors import InputError
from data.shards.reader import Shards


@dataclass(frozen=True)
class Batch:
    """Recordings and their labels. `values` is valid only until the next batch of the stream is requested.

    Attributes:
        step: training step that the batch is for.
        rows: index rows of the recordings, (B,).
        values: int16 or float, as stored, (B, T, K).
        labels: label columns by name, (B,) each.
    """

    step: int
    rows: np.ndarray
    values: np.ndarray
    labels: dict[str, np.ndarray]

    def split(self, pieces: int) -> list["Batch"]:
        """Return the batch cut into `pieces` batches of equal size, in order; the arrays are views.

        `pieces` must divide B: otherwise the list has more entries than `pieces`.
        """
        if pieces == 1:
            return [self]
        size, left = divmod(len(self.rows), pieces)
        if left:
            raise InputError(f"a batch of {len(self.rows)} cannot be cut into {pieces} equal pieces; change accumulate")
        cuts = [slice(start, start + size) for start in range(0, len(self.rows), size)]
        return [
            Batch(self.step, self.rows[cut], self.values[cut], {name: one[cut] for name, one in self.labels.items()})
            for cut in cuts
        ]


# Arguments: values (B, T, K), number of samples used of each, labels, and one uniform random number in [0, 1) for each.
# Changes the values in place and returns the labels.
Augmentation = Callable[[np.ndarray, int, dict[str, np.ndarray], np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Treatment:
    """Processing of recordings when they are loaded into a batch.

    Attributes:
        augment: changes the values of a batch in place and returns its labels; None for no augmentation.
        heard: returns, for a step, how many samples of each recording are used; None for all.
    """

    augment: Augmentation | None = None
    heard: Callable[[int], int] | None = None


AS_STORED = Treatment()


@dataclass(frozen=True)
class BatchPlan:
    """Size of a batch, the random seed, and the part of each batch that this process loads.

    Attributes:
        size: number of examples in a batch, over all processes together.
        seed: seed of the order of examples and of all random draws.
        share: (number of this process, number of processes that share each batch).
    """

    size: int
    seed: int
    share: tuple[int, int] = (0, 1)

    @property
    def numbers(self) -> range:
        """Positions within the whole batch that this process loads.

        Raises:
            InputError: the batch size is not a multiple of the number of processes.
        """
        rank, world = self.share
        if self.size % world:
            raise InputError(
                f"a batch of {self.size} cannot be shared by {world} processes; choose a number that divides it "
                "(TESSITURA_TRAINING_PROCESSES)"
            )
        return range(rank * self.size // world, (rank + 1) * self.size // world)


@functools.lru_cache(maxsize=4)  # called at every step, drawn once per epoch
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order of `count` examples in `epoch`: a read-only permutation that depends only on the arguments."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    order.flags.writeable = False
    return order


class Batches:
    """Batches of recordings from shards, addressed by step.

    An incomplete batch at the end of an epoch is dropped. If several processes train together, each takes its slice of
    every batch, so the whole batch does not depend on their number.

    Attributes:
        per_epoch: number of batches in an epoch.

    Example:
        >>> batches = Batches(shards, shards.rows(split="train"), BatchPlan(size=32, seed=0))
        >>> batches.load(step=0).values.shape  # (B, T, K)
    """

    def __init__(
        self,
        shards: Shards,
        rows: np.ndarray,
        plan: BatchPlan,
        labels: Mapping[str, np.ndarray] | None = None,
        treatment: Treatment = AS_STORED,
    ) -> None:
        """Prepare batches of some rows of `shards`.

        Args:
            shards: recordings, all of the same size.
            rows: index rows to draw from.
            plan: size of a batch, seed and share of this process.
            labels: label columns by name; each covers all index rows.
            treatment: processing of the recordings.

        Raises:
            InputError: there are fewer rows than a batch needs, or the processes cannot share a batch equally.
        """
        if len(rows) < plan.size:
            raise InputError(
                f"{shards.folder}: {len(rows)} recordings to train on, a batch needs {plan.size}; "
                "choose a smaller preset or more data"
            )
        numbers = plan.numbers
        self._share = slice(numbers.start, numbers.stop)
        self._shards, self._rows, self._labels = shards, np.asarray(rows), dict(labels or {})
        self._treatment = treatment
        self._size, self._seed = plan.size, plan.seed
        self.per_epoch = len(rows) // plan.size

    def rows(self, step: int) -> np.ndarray:
        """Return the index rows of this process's share of batch `step`, (B,)."""
        epoch, position = divmod(step, self.per_epoch)
        order = epoch_order(len(self._rows), self._seed, epoch)
        return self._rows[order[position * self._size : (position + 1) * self._size][self._share]]

    def load(self, step: int, out: np.ndarray | None = None) -> Batch:
        """Load batch `step`, into the buffer `out`, (B, T, K), if one is given.

        Raises:
            CorruptShard: stored bytes do not match their checksum.
            ValueError: the recordings differ in size, or `out` does not fit them.
        """
        rows = self.rows(step)
        values = allocate(self._shards, rows) if out is None else out
        self._shards.read_into(rows.tolist(), values)
        labels = {name: column[rows] for name, column in self._labels.items()}
        augment, used = self._treatment.augment, values.shape[1]
        if self._treatment.heard is not None:
            used = self._treatment.heard(step)
        if augment is not None:
            # Drawn for the whole batch, so that the number of processes that share it does not matter.
            draws = np.random.default_rng([self._seed, step, 1]).random(self._size)
            labels = augment(values, used, labels, draws[self._share])
        return Batch(step, rows, values[:, :used], labels)

    def stream(self, start: int, stop: int, loaders: int = 1) -> AbstractContextManager[Iterator[Batch]]:
        """Context manager: an iterator over the batches of steps start to stop - 1, loaded ahead (`read_ahead`).

        Args:
            start: first step.
            stop: step after the last one.
            loaders: number of threads that load; the batches do not depend on it.

        Example:
            >>> with batches.stream(step, steps) as stream:
            ...     for batch in stream: ...
        """

        def buffer() -> np.ndarray:
            return allocate(self._shards, self.rows(start))

        return read_ahead(self.load, buffer, start, stop, loaders)


@contextmanager
def read_ahead(
    load: Callable[[int, np.ndarray], Batch],
    make_buffer: Callable[[], np.ndarray],
    start: int,
    stop: int,
    loaders: int = 1,
) -> Iterator[Iterator[Batch]]:
    """Context manager: an iterator over the batches of steps start to stop - 1, in order, which threads load ahead.

    While a batch is used, `loaders` + 1 others are loaded or wait; with 0 loaders each is loaded when it is requested.
    An error of a step is raised where the batch of this step is requested. When the block ends, the batches that are
    being loaded are finished and no others begun.

    Args:
        load: loads the batch of a step into a buffer. Several threads call it at the same time, with a buffer each.
        make_buffer: allocates a buffer; called at most `loaders` + 2 times.
        start: first step.
        stop: step after the last one.
        loaders: number of threads.

    Example:
        >>> with read_ahead(batches.load, make_buffer, 0, 1000, loaders=4) as stream:
        ...     for batch in stream: ...
    """
    steps = iter(range(start, stop))
    if not loaders:
        buffers = [make_buffer() for _ in range(start < stop)]
        yield (load(step, buffers[0]) for step in steps)
        return
    with ThreadPoolExecutor(loaders, "loader") as pool:
        pending: deque[tuple[Future[Batch], np.ndarray]] = deque()
        for step in islice(steps, loaders + 2):
            buffer = make_buffer()
            pending.append((pool.submit(load, step, buffer), buffer))
        try:
            yield _in_order(load, steps, pending, pool)
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(
    load: Callable[[int, np.ndarray], Batch],
    steps: Iterator[int],
    pending: deque[tuple[Future[Batch], np.ndarray]],
    pool: ThreadPoolExecutor,
) -> Iterator[Batch]:
    """Yield the pending batches; the buffer of a batch is given to the next of `steps` once another is requested."""
    while pending:
        found, buffer = pending.popleft()
        yield found.result()
        if (step := next(steps, None)) is not None:
            pending.append((pool.submit(load, step, buffer), buffer))


def allocate(shards: Shards, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return an uninitialised array, (B, T, K), for the recordings `rows`, in their stored type.

    Raises:
        ValueError: the recordings differ in size or type.
    """
    sizes = {tuple(shards.column(name)[row] for name in ("frames", "channels", "dtype")) for row in rows}
    if len(sizes) != 1:
        raise ValueError(f"recordings of different sizes in one batch: {sorted(sizes)}")
    frames, channels, stored = sizes.pop()
    return np.empty((len(rows), frames, channels), stored)
