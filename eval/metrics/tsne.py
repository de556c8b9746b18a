"""Maps of learnt embeddings, and numbers that say whether the map may be believed.

A t-SNE map shows neighbourhoods; distances between clusters and their sizes mean nothing. So
the numbers beside it are computed on the embeddings themselves, not on the map, except for
trustworthiness, which compares the two.

References: van der Maaten and Hinton 2008; Venna and Kaski 2001 (trustworthiness).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.manifold import TSNE, trustworthiness
from sklearn.neighbors import NearestNeighbors


@dataclass(frozen=True)
class Map:
    """2-D points of an embedding, and how they were made.

    Attributes:
        points: (items, 2).
        perplexity: as used; lowered where there are few items.
        trustworthiness: share of map neighbours that are neighbours indeed, 1 is best.
        neighbours: k of the trustworthiness.
        seed: of the optimisation.
    """

    points: np.ndarray
    perplexity: float
    trustworthiness: float
    neighbours: int
    seed: int


def tsne(embeddings: np.ndarray, *, perplexity: float = 30.0, neighbours: int = 5, seed: int = 0) -> Map:
    """Map (items, D) to (items, 2): initialised by PCA, Euclidean, with a fixed seed.

    Perplexity is lowered to (items - 1) / 3 and `neighbours` below items / 2 where there are few.

    Raises:
        ValueError: fewer than 4 items.
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
    """How often an item's nearest neighbours share its label, and how often by chance."""

    purity: float
    chance: float
    neighbours: int


def knn_purity(embeddings: np.ndarray, labels: Sequence[str], *, neighbours: int = 5) -> Purity:
    """Return the mean share of an item's k nearest others (Euclidean) that carry its label.

    k is lowered where labels are rare, to the size of the largest label's group minus one, so
    that 1 can be reached. Chance is what random neighbours would give.
    """
    _, codes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    total = len(codes)
    k = max(1, min(neighbours, int(counts.max()) - 1, total - 1))
    # Asked without points, it leaves each item itself out of its neighbours.
    near = NearestNeighbors(n_neighbors=k).fit(embeddings).kneighbors(return_distance=False)
    purity = float((codes[near] == codes[:, None]).mean())
    chance = float((counts * (counts - 1)).sum() / (total * (total - 1))) if total > 1 else float("nan")
    return Purity(purity, chance, k)
