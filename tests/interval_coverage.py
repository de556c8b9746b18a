"""How often intervals of simulated values cover the truth; prints the table in `eval/intervals.py`.

python tests/interval_coverage.py     # 2,000 samples a cell, minutes
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from eval.intervals import mean_interval, median_interval, ratio_interval


@dataclass(frozen=True)
class Sample:
    """A distribution of values that are drawn in groups.

    Attributes:
        draw: draws the values of a number of groups, (groups, items).
        mean: their true mean.
        median: their true median.
    """

    draw: Callable[[np.random.Generator, int], np.ndarray]
    mean: float
    median: float


def _in_groups(draw: np.random.Generator, groups: int) -> np.ndarray:
    """Return five values a group, of which half the variance is the group's."""
    return 1 + 0.2 * (draw.standard_normal((groups, 1)) + draw.standard_normal((groups, 5)))


SAMPLES = {
    "normal": Sample(lambda draw, groups: 1 + 0.3 * draw.standard_normal((groups, 1)), 1.0, 1.0),
    "normal, 5 items a group": Sample(_in_groups, 1.0, 1.0),
    "heavy tails (t, 3 degrees)": Sample(lambda draw, groups: 5 + t.rvs(3, size=(groups, 1), random_state=draw), 5, 5),
    "shares near 1 (beta 5, 0.7)": Sample(lambda draw, groups: draw.beta(5, 0.7, (groups, 1)), 5 / 5.7, 0.9195),
    "skewed (log-normal, 0.5)": Sample(lambda draw, groups: draw.lognormal(0, 0.5, (groups, 1)), np.exp(0.125), 1.0),
    "long tail": Sample(lambda draw, groups: draw.lognormal(0, 1, (groups, 1)), np.exp(0.5), 1.0),
}


def coverage(sample: Sample, statistic: str, groups: int, *, trials: int = 2000) -> float:
    """Return the share of samples whose interval covers the truth.

    Args:
        sample: what is drawn.
        statistic: "mean", "median" (of single items), or "ratio" (of the values to others that are correlated with
            them and have half their mean).
        groups: number of groups of a sample.
        trials: number of samples.

    Example:
        >>> coverage(SAMPLES["normal"], "mean", 20, trials=400)
        0.95
    """
    covered, draw = 0, np.random.default_rng(groups)
    for trial in range(trials):
        values = sample.draw(draw, groups)
        keys = np.repeat(np.arange(groups), values.shape[1]).tolist()
        if statistic == "median":
            found, truth = median_interval(values[:, 0]), sample.median
        elif statistic == "ratio":
            others = 0.25 * (values + sample.draw(draw, groups))
            found, truth = ratio_interval(values.ravel(), others.ravel(), keys, draws=1000, seed=trial), 2.0
        else:
            found, truth = mean_interval(values.ravel(), keys, draws=1000, seed=trial), sample.mean
        covered += found.low <= truth <= found.high
    return covered / trials


def main() -> None:
    """Print the table."""
    for name, sample in SAMPLES.items():
        for statistic in ("mean", "ratio", "median"):
            if statistic != "median" or "items a group" not in name:
                cells = [f"{100 * coverage(sample, statistic, groups):.0f}" for groups in (8, 20, 60)]
                print(f"| {name} | {statistic} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
