"""Batches are a pure function of (seed, step)."""

import contextlib
import threading

import numpy as np
import pytest

from data.errors import InputError
from data.shards.loader import AS_STORED, Batch, Batches, BatchPlan, Treatment, epoch_order, read_ahead
from data.shards.reader import CorruptShard, Shards
from data.shards.writer import Record, ShardWriter, shard_name


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Shards:
    folder = tmp_path_factory.mktemp("shards")
    writer = ShardWriter(folder)
    for number in range(22):
        writer.add(Record(f"n{number:02d}", np.full((50, 1), number, np.int16), 16000))
    writer.commit()
    return Shards(folder)


def make(shards: Shards, batch_size: int = 4, share: tuple[int, int] = (0, 1), treatment=AS_STORED) -> Batches:
    labels = {"pitch": np.arange(len(shards)) * 10}
    return Batches(shards, np.arange(2, 22), BatchPlan(batch_size, 5, share), labels, treatment)


def collect(batches: Batches, start: int, stop: int, loaders: int = 1) -> list[tuple]:
    with batches.stream(start, stop, loaders) as stream:
        return [(one.step, one.rows.tolist(), one.values.copy(), one.labels["pitch"].tolist()) for one in stream]


def test_an_epoch_holds_every_row_once_in_an_order_of_its_own(shards):
    batches = make(shards)
    assert batches.per_epoch == 5
    epochs = [np.concatenate([batches.rows(step) for step in range(first, first + 5)]) for first in (0, 5)]
    for rows in epochs:
        assert sorted(rows) == list(range(2, 22))
    assert epochs[0].tolist() != epochs[1].tolist()
    np.testing.assert_array_equal(epoch_order(20, 5, 0) + 2, epochs[0])


def test_values_and_labels_belong_to_the_rows(shards):
    for _, rows, values, pitches in collect(make(shards), 0, 7):
        assert values[:, 0, 0].tolist() == rows
        assert pitches == [row * 10 for row in rows]


@pytest.mark.parametrize("loaders", [0, 1, 3, 8])
def test_a_stream_from_the_middle_gives_the_same_batches(shards, loaders):
    whole, rest = collect(make(shards), 0, 12), collect(make(shards), 7, 12, loaders)
    assert [one[:2] for one in rest] == [one[:2] for one in whole[7:]]


def test_processes_share_the_batch_of_one(shards):
    alone = make(shards)
    both = [make(shards, share=(rank, 2)) for rank in range(2)]
    for step in range(9):
        np.testing.assert_array_equal(np.concatenate([one.rows(step) for one in both]), alone.rows(step))
    with pytest.raises(ValueError, match="cannot be shared by 3"):
        make(shards, share=(0, 3))


def test_augmentation_depends_on_seed_and_step_alone(shards):
    def augment(values, heard, labels, draws):
        values += (draws * 1000).astype(np.int16)[:, None, None]
        return labels

    plain, treatment = make(shards), Treatment(augment)
    alone = make(shards, treatment=treatment)
    both = [make(shards, treatment=treatment, share=(rank, 2)) for rank in range(2)]
    changes = []
    for step in (0, 3, 5, 8):
        change = alone.load(step).values - plain.load(step).values
        changes.append(change[:, 0, 0].tolist())
        np.testing.assert_array_equal(alone.load(step).values, np.concatenate([one.load(step).values for one in both]))
        np.testing.assert_array_equal(alone.load(step).values - plain.load(step).values, change)
    assert len({tuple(one) for one in changes}) == 4


def test_a_step_may_look_at_the_beginnings_only(shards):
    found = collect(make(shards, treatment=Treatment(heard=lambda step: 10 + step)), 2, 4)
    assert [values.shape for _, _, values, _ in found] == [(4, 12, 1), (4, 13, 1)]


def test_a_batch_splits_into_equal_pieces(shards):
    batch = make(shards).load(0)
    pieces = batch.split(2)
    assert [len(one.rows) for one in pieces] == [2, 2]
    np.testing.assert_array_equal(np.concatenate([one.labels["pitch"] for one in pieces]), batch.labels["pitch"])


def test_too_few_recordings_are_told_with_the_remedy(shards):
    with pytest.raises(InputError, match="20 recordings to train on, a batch needs 21; choose a smaller preset"):
        make(shards, 21)


@pytest.mark.parametrize("loaders", [1, 3])
def test_leaving_a_stream_early_ends_its_threads(shards, loaders):
    before = threading.active_count()
    with make(shards).stream(0, 1000, loaders) as stream:
        next(stream)
        assert threading.active_count() > before
    assert threading.active_count() == before


def test_a_stream_that_is_left_by_an_error_ends_its_threads(shards):
    before = threading.active_count()
    with contextlib.suppress(KeyboardInterrupt), make(shards).stream(0, 1000, 3) as stream:
        next(stream)
        raise KeyboardInterrupt
    assert threading.active_count() == before


@pytest.mark.parametrize(("loaders", "most"), [(0, 1), (1, 3), (3, 5)])
def test_buffers_are_reused(shards, loaders, most):
    with make(shards).stream(0, 40, loaders) as stream:
        addresses = {one.values.ctypes.data for one in stream}
    assert len(addresses) <= most


def test_loaders_load_at_the_same_time_and_no_further_ahead_than_they_have_buffers():
    """Three steps wait for each other, so they pass only if three threads load at once."""
    together, begun = threading.Barrier(3, timeout=300), []

    def load(step: int, out: np.ndarray) -> Batch:
        begun.append(step)
        together.wait()
        out[:] = step
        return Batch(step, np.array([step]), out, {})

    with read_ahead(load, lambda: np.empty((1, 2, 1), np.int16), 0, 12, loaders=3) as stream:
        for number, batch in enumerate(stream):
            assert batch.step == number
            assert batch.values.tolist() == [[[number], [number]]]
            assert max(begun) <= number + 4  # that of the batch in use, and those of 3 + 1 others


def test_damage_met_while_reading_ahead_reaches_the_consumer(tmp_path):
    writer = ShardWriter(tmp_path)
    for number in range(8):
        writer.add(Record(f"n{number}", np.full((50, 1), number, np.int16), 16000))
    writer.commit()
    path = tmp_path / shard_name(0)
    content = bytearray(path.read_bytes())
    content[int(Shards(tmp_path).column("offset")[6])] ^= 1
    path.write_bytes(content)
    batches = Batches(Shards(tmp_path), np.arange(8), BatchPlan(2, seed=0))
    where = next(step for step in range(4) if 6 in batches.rows(step))
    for loaders in (0, 1, 3):
        found = []
        with pytest.raises(CorruptShard, match="recording n6"), batches.stream(0, 4, loaders) as stream:
            found.extend(batch.step for batch in stream)
        assert found == list(range(where))
