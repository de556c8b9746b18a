"""What every way of reading notes is measured beside: a gather in memory, and our shards."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from data.files.audio import FULL_SCALE, to_float
from data.nsynth.dataset import FRAMES
from data.shards.loader import Batches, BatchPlan
from data.shards.reader import Shards

BATCH, BATCHES, ROUNDS = 64, 128, 5


def orders_of(count: int) -> Iterator[np.ndarray]:
    """Yield random rows of a batch, for ever."""
    generator = np.random.default_rng(0)
    while True:
        yield generator.integers(0, count, BATCH)


def memory(pcm: np.ndarray, orders: Iterator[np.ndarray]) -> Callable[[], None]:
    """Gather rows of an array of all notes in memory: the limit."""
    everything, gathered = torch.from_numpy(pcm), torch.empty(BATCH, FRAMES, dtype=torch.int16)
    waves = torch.empty(BATCH, FRAMES)

    def work() -> None:
        for _ in range(BATCHES):
            torch.index_select(everything, 0, torch.from_numpy(next(orders)), out=gathered)
            torch.div(gathered, FULL_SCALE, out=waves)

    return work


def ours(shards: Shards) -> Callable[[], None]:
    """Read as training on the CPU does: a thread ahead, reused buffers, checksums, scaled when asked for."""
    batches, waves = (
        Batches(shards, np.arange(len(shards)), BatchPlan(BATCH, seed=0)),
        np.empty((BATCH, FRAMES), np.float32),
    )

    # One stream for all rounds, as in training: at most two of 128 batches are read while others have their turn.
    def endless() -> Iterator[Any]:
        with batches.stream(0, BATCHES * (ROUNDS + 1)) as stream:
            yield from stream

    stream = endless()

    def work() -> None:
        for _ in range(BATCHES):
            to_float(next(stream).values[..., 0], waves)

    return work
