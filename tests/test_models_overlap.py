"""Chunks come together again to the sample."""

import numpy as np
import pytest

from models.separation.overlap import Chunks, chunk_starts, in_chunks


@pytest.mark.parametrize("length", [1, 59, 60, 61, 100, 101, 239, 240, 241, 1000])
@pytest.mark.parametrize("overlap", [0, 1, 20, 50])
@pytest.mark.parametrize("batch", [1, 3])
def test_nothing_done_gives_the_input_back(length, overlap, batch):
    signal = np.random.default_rng(0).standard_normal((length, 2)).astype(np.float32)
    pieces = list(
        in_chunks(lambda start, stop: signal[start:stop], length, lambda x: x.copy(), Chunks(100, overlap, batch))
    )
    np.testing.assert_allclose(np.concatenate(pieces), signal, atol=1e-6)


def test_neighbours_that_disagree_are_cross_faded():
    numbers = iter(range(100))
    pieces = in_chunks(
        lambda start, stop: np.zeros((stop - start, 1)),
        400,
        lambda x: np.full_like(x, next(numbers)),
        Chunks(100, 20),
    )
    steps = np.abs(np.diff(np.concatenate(list(pieces))[:, 0]))
    assert steps.max() < 0.06


def test_memory_does_not_grow_with_length():
    def read(start, stop):
        return np.zeros((stop - start, 1), np.float32)

    longest = max(len(piece) for piece in in_chunks(read, 10_000, lambda x: x, Chunks(100, 20)))
    assert longest <= 100


def test_chunks_that_do_not_move_on_are_refused():
    with pytest.raises(ValueError, match="at most half fits"):
        chunk_starts(1000, 100, 60)


@pytest.mark.parametrize("length", [30, 99, 100, 101, 150, 260, 999])
def test_no_silence_is_added(length):
    """Every sample that is processed is one of the signal, whose samples are all 1."""

    def work(chunks: np.ndarray) -> np.ndarray:
        assert (chunks == 1).all()
        assert chunks.shape[1] == min(100, length)
        return chunks

    pieces = list(in_chunks(lambda start, stop: np.ones((stop - start, 1)), length, work, Chunks(100, 20, 2)))
    np.testing.assert_allclose(np.concatenate(pieces), np.ones((length, 1)), atol=1e-6)


def test_a_short_signal_is_padded_to_a_multiple_only():
    lengths = []

    def work(chunks: np.ndarray) -> np.ndarray:
        lengths.append(chunks.shape[1])
        return chunks

    for length in (1, 40, 81, 300):
        made = list(
            in_chunks(lambda start, stop: np.ones((stop - start, 1)), length, work, Chunks(100, 20, 8, multiple=40))
        )
        assert sum(len(one) for one in made) == length
    assert lengths == [40, 40, 100, 100]


def test_reading_never_goes_back_behind_the_last_start():
    starts = []

    def read(start: int, stop: int) -> np.ndarray:
        starts.append(start)
        return np.ones((stop - start, 1))

    list(in_chunks(read, 250, lambda x: x, Chunks(100, 20)))
    assert starts == sorted(starts) == [0, 80, 150]
