"""Chooses the items of a listening test, without looking at their scores."""

from collections.abc import Mapping

import numpy as np


def chosen(groups: Mapping[str, str], count: int, seed: int = 0) -> list[str]:
    """Choose items at random, spread over their groups: one of each group in turn.

    Args:
        groups: group of each item by its name, such as the instrument of a note.
        count: number of items; all of them if there are fewer.
        seed: seed of the choice.

    Returns:
        Names of the items, in the order of the choice.

    Example:
        >>> chosen({"a1": "a", "a2": "a", "b1": "b"}, 2)
        ['b1', 'a2']
    """
    draw, by_group = np.random.default_rng(seed), {}
    for name in draw.permutation(sorted(groups)).tolist():
        by_group.setdefault(groups[name], []).append(name)
    found: list[str] = []
    for place in range(max(map(len, by_group.values()), default=0)):
        found += [names[place] for names in by_group.values() if place < len(names)]
    return found[:count]
