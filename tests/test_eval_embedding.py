"""The embedding MSE by hand, with encoders whose frames can be written down."""

import numpy as np
import pytest

from eval.metrics.embedding import Embedding, embedding_mse


def pairs(wave: np.ndarray) -> np.ndarray:
    """Two samples a frame."""
    return wave[: len(wave) // 2 * 2].reshape(-1, 2)


def test_by_hand():
    reference, estimate = np.array([1.0, 0, 0, 1]), np.array([0.0, 0, 0, 3])
    encoder = Embedding("pairs", 8000, pairs)
    assert embedding_mse(reference, estimate, 8000, encoder) == (1 + 4) / 4
    assert embedding_mse(reference, reference, 8000, encoder) == 0
    assert np.isnan(embedding_mse(reference * 0, estimate, 8000, encoder))
    doubled = Embedding("pairs, doubled", 8000, lambda wave: 2 * pairs(wave))
    assert embedding_mse(reference, estimate, 8000, doubled) == 5


def test_sound_is_brought_to_the_encoders_rate():
    heard = []

    def encode(wave: np.ndarray) -> np.ndarray:
        heard.append(wave)
        return pairs(wave)

    time = np.arange(8000) / 8000
    embedding_mse(np.sin(2 * np.pi * 440 * time), np.zeros(8000), 8000, Embedding("pairs", 16_000, encode))
    assert [len(wave) for wave in heard] == [16_000, 16_000]
    assert heard[0].dtype == np.float32
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(heard[0] - expected)[2000:-2000].max() < 1e-3


@pytest.mark.parametrize(
    "encode", [lambda wave: wave, lambda wave: wave[:0, None], lambda wave: np.full((3, 2), np.nan)]
)
def test_frames_must_be_finite_and_there(encode):
    with pytest.raises(ValueError, match="odd makes no finite frames"):
        embedding_mse(np.ones(8), np.ones(8), 8000, Embedding("odd", 8000, encode))


def test_lengths_must_agree():
    encoder = Embedding("pairs", 8000, pairs)
    with pytest.raises(ValueError, match=r"reference \(8,\) and estimate \(7,\)"):
        embedding_mse(np.ones(8), np.ones(7), 8000, encoder)
    with pytest.raises(ValueError, match=r"reference \(8, 2\)"):
        embedding_mse(np.ones((8, 2)), np.ones((8, 2)), 8000, encoder)
    wilful = Embedding("wilful", 8000, lambda wave: np.ones((2 + int(wave[0]), 1)))
    with pytest.raises(ValueError, match=r"wilful makes \(3, 1\) of the reference and \(2, 1\) of the estimate"):
        embedding_mse(np.ones(8), np.zeros(8), 8000, wilful)
