"""Batches of recordings, each a pure function of (seed, step).

The order of epoch e is a permutation drawn from (seed, e) alone, and step s takes the next
batch of it, so a resumed run, or one with other numbers of threads or processes, sees the
same batches. There is no loader state to save.

Reading happens on a thread ahead of the training step, into a ring of buffers used again
and again: touching fresh memory would cost more than reading the file. Sound stays int16 on
the way to the device and is converted there.

Shapes: B batch, T samples, K channels.
"""

import functools
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.errors import InputError
from data.shards.reader import Shards


@dataclass(frozen=True)
class Batch:
    """Recordings and their labels. `values` is overwritten once the next batch is asked for.

    Attributes:
        step: which step of training it belongs to.
        rows: index rows, (B,).
        values: int16 or float, (B, T, K), as stored.
        labels: label columns, (B,) each.
    """

    step: int
    rows: np.ndarray
    values: np.ndarray
    labels: dict[str, np.ndarray]

    def split(self, pieces: int) -> list["Batch"]:
        """Return the batch cut into equal pieces, in order."""
        if pieces == 1:
            return [self]
        cuts = [
            slice(start, start + len(self.rows) // pieces)
            for start in range(0, len(self.rows), len(self.rows) // pieces)
        ]
        return [
            Batch(self.step, self.rows[cut], self.values[cut], {name: one[cut] for name, one in self.labels.items()})
            for cut in cuts
        ]


# Given values, how much of each is wanted, labels and draws; changes the values and returns the labels.
Augmentation = Callable[[np.ndarray, int, dict[str, np.ndarray], np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True)
class Treatment:
    """What is done to recordings on their way into a batch.

    Attributes:
        augment: changes a batch in place and returns its labels.
        heard: how many samples of each recording a step looks at; all by default.
    """

    augment: Augmentation | None = None
    heard: Callable[[int], int] | None = None


AS_STORED = Treatment()


@dataclass(frozen=True)
class BatchPlan:
    """How many examples a batch has, what draws them, and which of them this process takes.

    Attributes:
        size: examples of a batch, over all processes together.
        seed: of the order and of every draw.
        share: number of this process, and how many processes share each batch.
    """

    size: int
    seed: int
    share: tuple[int, int] = (0, 1)

    @property
    def numbers(self) -> range:
        """The places in a batch that this process fills.

        Raises:
            ValueError: the batch cannot be shared evenly.
        """
        rank, world = self.share
        if self.size % world:
            raise ValueError(f"a batch of {self.size} cannot be shared by {world} processes")
        return range(rank * self.size // world, (rank + 1) * self.size // world)


@functools.lru_cache(maxsize=4)  # asked once a step, drawn once an epoch
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order of `count` examples in `epoch`: a permutation that depends on nothing else."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    order.flags.writeable = False
    return order


class Batches:
    """Batches of rows of shards, addressed by step.

    Incomplete batches at the end of an epoch are dropped. Several processes take a slice each of
    every batch, so the whole batch is the same whatever their number.
    """

    def __init__(
        self,
        shards: Shards,
        rows: np.ndarray,
        plan: BatchPlan,
        labels: Mapping[str, np.ndarray] | None = None,
        treatment: Treatment = AS_STORED,
    ) -> None:
        """Choose rows of `shards`.

        Args:
            shards: where the recordings are.
            rows: index rows to draw from.
            plan: size of a batch, seed and share of this process.
            labels: a column over all index rows for each name.
            treatment: what is done to the recordings.

        Raises:
            InputError: there are fewer rows than a batch needs.
            ValueError: the batch cannot be shared evenly by the processes.
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
        """Read batch `step`, into `out` (B, T, K) if given."""
        rows = self.rows(step)
        values = allocate(self._shards, rows) if out is None else out
        self._shards.read_into(rows.tolist(), values)
        labels = {name: column[rows] for name, column in self._labels.items()}
        augment, heard = self._treatment.augment, values.shape[1]
        if self._treatment.heard is not None:
            heard = self._treatment.heard(step)
        if augment is not None:
            # Drawn for the whole batch, so that it does not matter how many processes share it.
            draws = np.random.default_rng([self._seed, step, 1]).random(self._size)
            labels = augment(values, heard, labels, draws[self._share])
        return Batch(step, rows, values[:, :heard], labels)

    def stream(self, start: int, stop: int, ahead: int = 2) -> AbstractContextManager[Iterator[Batch]]:
        """Read batches start … stop on a thread, at most `ahead` before they are needed.

        Example:
            >>> with batches.stream(step, steps) as stream:
            ...     for batch in stream: ...
        """

        def buffer() -> np.ndarray:
            return allocate(self._shards, self.rows(start))

        return read_ahead(self.load, buffer, start, stop, ahead)


@contextmanager
def read_ahead(
    load: Callable[[int, np.ndarray], Batch],
    make_buffer: Callable[[], np.ndarray],
    start: int,
    stop: int,
    ahead: int = 2,
) -> Iterator[Iterator[Batch]]:
    """Give the batches start … stop as `load` makes them on a thread, at most `ahead` before they are needed."""
    ready: queue.Queue[tuple[Batch, np.ndarray] | BaseException] = queue.Queue()
    free: queue.Queue[np.ndarray | None] = queue.Queue()
    for _ in range(ahead + 1 if start < stop else 0):
        free.put(make_buffer())
    thread = threading.Thread(target=_fill, args=(load, range(start, stop), ready, free), daemon=True)
    thread.start()
    try:
        yield _drain(stop - start, ready, free)
    finally:
        free.put(None)
        thread.join()


def _fill(
    load: Callable[[int, np.ndarray], Batch], steps: range, ready: "queue.Queue[Any]", free: "queue.Queue[Any]"
) -> None:
    """Fill free buffers in the order of steps until told to stop."""
    try:
        for step in steps:
            if (buffer := free.get()) is None:
                return
            ready.put((load(step, buffer), buffer))
    except BaseException as error:  # handed to the consumer, which raises it
        ready.put(error)


def _drain(count: int, ready: "queue.Queue[Any]", free: "queue.Queue[Any]") -> Iterator[Batch]:
    """Yield batches as they come; a buffer goes back when the next batch is asked for."""
    for _ in range(count):
        found = ready.get()
        if isinstance(found, BaseException):
            raise found
        batch, buffer = found
        yield batch
        free.put(buffer)


def allocate(shards: Shards, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return an empty array that fits recordings `rows`, which are all of one size: (B, T, K)."""
    sizes = {tuple(shards.column(name)[row] for name in ("frames", "channels", "dtype")) for row in rows}
    if len(sizes) != 1:
        raise ValueError(f"recordings of different sizes in one batch: {sorted(sizes)}")
    frames, channels, stored = sizes.pop()
    return np.empty((len(rows), frames, channels), stored)
