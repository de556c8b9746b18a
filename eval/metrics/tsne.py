"""t-SNE maps of learnt embeddings, and numbers that show how far a map can be trusted.

A t-SNE map shows neighbourhoods; distances between clusters and sizes of clusters have no meaning. So the purity of
neighbourhoods is computed on the embeddings themselves, not on the map. The trustworthiness compares map and
embeddings.

Shapes: D dimensions of an embedding.

References: van der Maaten and Hinton 2008; Venna and Kaski 2001 (trustworthiness).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors


@dataclass(frozen=True)
class Map:
    """A t-SNE map and the settings it was computed with.

    Attributes:
        points: positions on the map, shape (items, 2), without unit.
        perplexity: the perplexity that was used; lower than requested if there are few items.
        trustworthiness: 0 to 1, 1 is best. It is lower the more map neighbours are far apart in the embedding.
        neighbours: number of nearest neighbours that the trustworthiness considers.
        seed: seed of the optimisation.
    """

    points: np.ndarray
    perplexity: float
    trustworthiness: float
    neighbours: int
    seed: int


def tsne(embeddings: np.ndarray, *, perplexity: float = 30.0, neighbours: int = 5, seed: int = 0) -> Map:
    """Compute the t-SNE map of embeddings, with Euclidean distances and PCA initialisation.

    Args:
        embeddings: float, shape (items, D).
        perplexity: perplexity of t-SNE; lowered to (items - 1) / 3 if there are few items.
        neighbours: number of neighbours of the trustworthiness; lowered below items / 2 if there are few items.
        seed: seed of the optimisation.

    Raises:
        ValueError: fewer than 4 items.

    Example:
        >>> found = tsne(np.random.default_rng(0).standard_normal((8, 16)))
        >>> found.points.shape
        (8, 2)
    """
    count = len(embeddings)
    if count < 4:
        raise ValueError(f"{count} items are too few for a map; 4 at least")
    perplexity = min(perplexity, (count - 1) / 3)
    neighbours = min(neighbours, max(1, (count - 1) // 2 - 1))
    model = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
    points = model.fit_transform(np.asarray(embeddings, np.float64))
    trust = float(trustworthiness(embeddings, points, n_neighbors=neighbours))
    return Map(points, perplexity, trust, neighbours, seed)


@dataclass(frozen=True)
class Purity:
    """How often the nearest neighbours of an item have its label.

    Attributes:
        purity: mean share of neighbours with the same label, 0 to 1.
        chance: expected purity with random neighbours, 0 to 1.
        neighbours: number of nearest neighbours that were used.
    """

    purity: float
    chance: float
    neighbours: int


def knn_purity(embeddings: np.ndarray, labels: Sequence[str], *, neighbours: int = 5) -> Purity:
    """Return the mean share of the k nearest neighbours of an item (Euclidean distance) that have its label.

    Args:
        embeddings: float, shape (items, D).
        labels: one label for each item.
        neighbours: k. It is lowered to the size of the largest group of equal labels minus one, because no item has
            more neighbours of its own label than that.

    Raises:
        ValueError: fewer than 2 items.

    Example:
        >>> knn_purity(np.array([[0.0], [1.0], [3.0]]), ["a", "a", "b"])
        Purity(purity=0.6666666666666666, chance=0.3333333333333333, neighbours=1)
    """
    _, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    total = len(codes)
    k = max(1, min(neighbours, int(counts.max()) - 1, total - 1))
    # Without query points, `kneighbors` does not count an item as its own neighbour.
    near = NearestNeighbors(n_neighbors=k).fit(embeddings).kneighbors(return_distance=False)
    purity = float((codes[near] == codes[:, None]).mean())
    chance = float((counts * (counts - 1)).sum() / (total * (total - 1)))
    return Purity(purity, chance, k)
