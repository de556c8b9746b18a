"""Agreement between listeners: Krippendorff's alpha, for ratings on a scale and for choices.

1 is full agreement, 0 is what chance gives, less than 0 is systematic disagreement. Reference: Krippendorff, Content
Analysis, 2004, chapter 11.

Shapes: L listeners, N units (sounds or trials).
"""

import numpy as np
import pandas as pd


def alpha(ratings: np.ndarray) -> float:
    """Return Krippendorff's alpha with the squared difference of ratings, which for 0 and 1 is that of categories.

    Args:
        ratings: (L, N), NaN where there is none. Units with fewer than two ratings take no part.

    Returns:
        Alpha, at most 1; NaN if fewer than two units can be compared or all ratings are the same.

    Example:
        >>> alpha(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]))
        1.0
    """
    counts = (~np.isnan(ratings)).sum(0)
    kept = ratings[:, counts >= 2]
    if kept.shape[1] < 2:
        return float("nan")
    counts, pooled = counts[counts >= 2], kept[~np.isnan(kept)]
    # The sum of squared differences over all ordered pairs of n values is 2 n² times their variance.
    within = float((2 * counts**2 * np.nanvar(kept, axis=0) / (counts - 1)).sum()) / len(pooled)
    between = 2 * len(pooled) ** 2 * float(pooled.var()) / (len(pooled) * (len(pooled) - 1))
    return 1 - within / between if between else float("nan")


def alpha_of(ratings: pd.DataFrame) -> float:
    """Return alpha of the rows of one test, with "listener", "trial", "item", "system" and "rating"."""
    wide = ratings.pivot_table(index="listener", columns=["trial", "item", "system", "role"], values="rating")
    return alpha(wide.to_numpy(float))
