"""Memory that runs out in a training: one line with the settings that need less; the checkpoint stays."""

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import CONFIG, in_a_process, make_stage, write_shards

from data.errors import explain
from data.execution import Execution
from data.shards.loader import Batch
from data.shards.reader import Shards
from models.training.checkpoint import Rolling, load
from models.training.memory import MemoryFull
from models.training.processes import World
from models.training.stage import Loss, Stage
from models.training.train import train_stage

MANY = 1 << 31  # bytes: more than the limit of these tests, and never written to
WAYS = {
    "torch": lambda: torch.empty(MANY, dtype=torch.uint8),
    "numpy": lambda: np.empty(MANY, np.uint8),
    "python": lambda: bytearray(MANY),
}


def train(shards: Shards, folder: Path, way=lambda: None) -> None:
    """Train; in step 12 of 24, after checkpoints at 5 and 10, something is done."""

    def stage(world: World) -> Stage:
        made = make_stage(shards, CONFIG, world)
        objective = made.objective

        def greedy(batch: Batch) -> Iterator[Loss]:
            if batch.step == 12:
                way()
            return objective(batch)

        made.objective = greedy
        return made

    train_stage(Execution(folder), stage, CONFIG, {})


def limited(shards: Shards, folder: Path, way, more: int) -> int:
    """Train in a process that may take so many bytes more than it has; what is told is in a file; return its status."""

    def work() -> None:
        has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (has + more, resource.RLIM_INFINITY))
        try:
            try:
                train(shards, folder, way)
            except BaseException as error:
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                folder.with_suffix(".said").write_text(f"{type(error).__name__}: {explain(error)}")
                os._exit(1)
        finally:  # if this fails too
            os._exit(2)

    return in_a_process(work)


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Shards:
    return write_shards(tmp_path_factory.mktemp("shards"))


@pytest.fixture(scope="module")
def expected(tmp_path_factory, shards) -> Iterator[dict[str, torch.Tensor]]:
    """The weights of an undisturbed training, in this process: what it imports, forked processes have already."""
    folder, threads = tmp_path_factory.mktemp("whole"), torch.get_num_threads()
    torch.set_num_threads(1)
    train(shards, folder)
    yield load(folder / "model").tensors
    torch.set_num_threads(threads)


def same(folder: Path, expected: dict[str, torch.Tensor]) -> bool:
    found = load(folder / "model").tensors
    return found.keys() == expected.keys() and all(torch.equal(one, expected[name]) for name, one in found.items())


@pytest.mark.parametrize("way", WAYS)
def test_a_training_whose_memory_is_full_says_what_to_do_and_goes_on_from_its_checkpoint(
    tmp_path, shards, expected, way
):
    folder = tmp_path / "run"
    assert limited(shards, folder, WAYS[way], MANY // 2) == 1
    said = folder.with_suffix(".said").read_text()
    assert said.startswith("MemoryFull: tiny: the memory is full with batch_size 4 in 1 part (accumulate); ")
    for name in ("TESSITURA_LOADERS", "TESSITURA_TRAINING_PROCESSES", "TESSITURA_PRESET", "begins from step 10"):
        assert name in said
    assert "\n" not in said
    found = Rolling(folder).latest()
    assert found is not None
    assert found.metadata["step"] == 10
    assert in_a_process(lambda: train(shards, folder)) == 0
    assert same(folder, expected)


@pytest.mark.parametrize("more", [2_000_000, 10_000_000])
def test_whatever_memory_is_left_the_training_goes_on_to_the_same_bits(tmp_path, shards, expected, more):
    """With so little, anything may fail; no file is the worse for it.

    With no byte at all, Python 3.11 itself waits for ever for a thread that could not begin.
    """
    folder = tmp_path / "run"
    ended = limited(shards, folder, WAYS["torch"], more)
    assert ended == 1
    assert "\n" not in folder.with_suffix(".said").read_text()
    assert in_a_process(lambda: train(shards, folder)) == 0
    assert same(folder, expected)


def test_the_memory_of_a_gpu_is_told_as_such(tmp_path, shards, expected):
    def full() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has a total capacity of 8")

    with pytest.raises(MemoryFull, match=r"^tiny: the memory of the GPU is full .* begins from step 10; ") as failed:
        train(shards, tmp_path / "run", full)
    assert explain(failed.value) == str(failed.value)


def test_another_error_stays_what_it_is(tmp_path, shards):
    def fail() -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train(shards, tmp_path / "run", fail)


def test_outside_a_training_the_memory_is_told_too():
    with pytest.raises(RuntimeError) as failed:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert re.fullmatch("the memory is full; end other programs, .*", explain(failed.value))
