"""Maps are repeatable and the numbers beside them mean what they say."""

import numpy as np
import pytest

from eval.metrics.tsne import knn_purity, tsne


def clusters(count: int = 3, size: int = 8, spread: float = 0.1) -> tuple[np.ndarray, list[str]]:
    generator = np.random.default_rng(0)
    centres = 5 * np.eye(count, 6)
    points = np.concatenate([centre + spread * generator.standard_normal((size, 6)) for centre in centres])
    return points, [f"family {number}" for number in range(count) for _ in range(size)]


def test_a_map_is_repeatable_and_keeps_clear_neighbourhoods():
    points, labels = clusters()
    first, second = tsne(points), tsne(points)
    np.testing.assert_array_equal(first.points, second.points)
    assert first.trustworthiness > 0.9
    assert first.perplexity == pytest.approx(23 / 3)
    assert knn_purity(first.points, labels).purity == 1.0


@pytest.mark.parametrize("count", [4, 5, 8])
def test_few_items_still_give_a_map(count):
    found = tsne(np.random.default_rng(0).standard_normal((count, 16)))
    assert found.points.shape == (count, 2)
    assert 0 <= found.trustworthiness <= 1


def test_too_few_items_say_so():
    with pytest.raises(ValueError, match="3 items are too few"):
        tsne(np.zeros((3, 2)))


def test_purity_of_clusters_and_of_noise():
    points, labels = clusters()
    assert knn_purity(points, labels).purity == 1.0
    noise = np.random.default_rng(1).standard_normal((400, 6))
    shuffled = knn_purity(noise, ["a", "b"] * 200)
    assert shuffled.purity == pytest.approx(shuffled.chance, abs=0.06)


def test_purity_by_hand():
    """On a line a a b: nearest of 0 is 1, of 1 is 0, of 3 is 1; chance is 2 of 6 ordered pairs."""
    found = knn_purity(np.array([[0.0], [1.0], [3.0]]), ["a", "a", "b"])
    assert found.neighbours == 1
    assert found.purity == pytest.approx(2 / 3)
    assert found.chance == pytest.approx(1 / 3)
