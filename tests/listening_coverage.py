"""How often the intervals of mean opinion scores cover the truth; prints the table in `eval/listening/opinion.py`.

python tests/listening_coverage.py     # 2,000 simulated tests a cell, about a minute
"""

import numpy as np
from scipy.stats import norm
from simulated_listeners import Crowd, ratings_of

from eval.listening.opinion import opinion

SHARES = {"all ratings": 1.0, "a third of them": 1 / 3}


def truth(mean: float, crowd: Crowd) -> float:
    """Return the mean of rounded ratings over all listeners and items."""
    spread = (crowd.listeners**2 + crowd.items**2 + crowd.rest**2) ** 0.5
    edges = norm.cdf((np.arange(1.5, 5) - mean) / spread)
    return float(np.diff(np.concatenate([[0], edges, [1]])) @ np.arange(1, 6))


def coverage(mean: float, listeners: int, items: int, share: float, *, trials: int = 2000) -> tuple[float, float]:
    """Return the share of simulated tests whose interval covers the truth: ours, and one over independent ratings."""
    crowd, draw = Crowd(), np.random.default_rng(listeners * items)
    wanted, covered = truth(mean, crowd), np.zeros(2)
    for _ in range(trials):
        ratings = ratings_of(mean, crowd, draw, listeners, items, scale=(1, 5))
        ratings[draw.random(ratings.shape) >= share] = np.nan
        one = opinion(ratings)
        covered[0] += one.low <= wanted <= one.high
        covered[1] += abs(one.mean - wanted) <= 1.96 * np.nanstd(ratings) / one.ratings**0.5
    return float(covered[0] / trials), float(covered[1] / trials)


def main() -> None:
    """Print the table."""
    print("| mean | ratings | 8 × 10 | 20 × 30 | 60 × 100 | taken as independent, 20 × 30 |\n|---|---|---|---|---|---|")
    for mean in (3.5, 4.6):
        for told, share in SHARES.items():
            found = [coverage(mean, listeners, items, share) for listeners, items in ((8, 10), (20, 30), (60, 100))]
            cells = [f"{100 * ours:.0f}" for ours, _ in found]
            print(f"| {mean} | {told} | {' | '.join(cells)} | {100 * found[1][1]:.0f} |")


if __name__ == "__main__":
    main()
