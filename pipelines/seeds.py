"""Trains a system from several seeds, and says how much its scores depend on the seed.

The system in use is the training from the seeds of its preset. Every other one is an experiment, `seed-1`, `seed-2` and
so on, whose trainings begin with other weights and take their examples in another order. Data, test items, judges and
whatever else is drawn stay the same, so what differs is the training alone.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from assets.environment import Configuration
from assets.graph import Graph
from assets.store.pointers import find
from data.errors import InputError
from models.training.config import FitConfig
from pipelines.launch import Target
from pipelines.versions.measures import measures_of


def targets(graph: Graph, system: str, count: int) -> list[Target]:
    """Return what must be made to have a system from `count` seeds: the system in use, and experiments.

    Args:
        graph: the assets.
        system: name of the system.
        count: number of seeds, at least 1.

    Raises:
        InputError: there is no such system, or `count` is less than 1.

    Example:
        >>> [one.experiment for one in targets(graph, "synthesis", 3)]
        ['', 'seed-1', 'seed-2']
    """
    if count < 1:
        raise InputError(f"--count {count}: at least 1 is needed")
    given = seeds_of(getattr(Configuration(graph.environment), Target.parse(system).system.name))
    others = [{path: seed + number for path, seed in given.items()} for number in range(1, count)]
    experiments = [
        Target.parse(system, experiment=f"seed-{number}", overrides=one) for number, one in enumerate(others, 1)
    ]
    return [Target.parse(system), *experiments]


def seeds_of(config: Any) -> dict[str, int]:
    """Return the seed of each training of a configuration, by the dotted path of its field.

    Example:
        >>> seeds_of(PRESETS["demo"])["fine_tune.seed"]
        0
    """
    return dict(_seeds(config, ""))


def _seeds(config: Any, before: str) -> Iterator[tuple[str, int]]:
    """Yield path and seed of each training below a path."""
    if isinstance(config, FitConfig):
        yield f"{before}seed", config.seed
    elif is_dataclass(config):
        for one in fields(config):
            yield from _seeds(getattr(config, one.name), f"{before}{one.name}.")


def over_seeds(graph: Graph, system: str, count: int) -> dict[str, Mapping[str, Any]]:
    """Return how each metric depends on the seed, over the test items.

    Args:
        graph: the assets.
        system: name of the system.
        count: number of seeds that were made.

    Returns:
        By the name of a metric: "values", the mean over the test items for each seed, None where it is not defined;
        "mean", "lowest" and "highest" of those that are.

    Raises:
        InputError: the scores of a seed are not there, or damaged.

    Example:
        >>> over_seeds(graph, "synthesis", 3)["spectral loss"]["highest"]
        0.0791
    """
    asset, measures, frames = graph.registry.assets[f"{system}_scores"], measures_of(system), []
    for target in targets(graph, system, count):
        run = Configuration(graph.environment, overrides=target.overrides)
        folder = find(asset.slot(run, target.experiment))
        if folder is None:
            name = target.experiment or "the system in use"
            raise InputError(f"{system}: {name} has no scores; tessitura seeds {system} --count {count} makes them")
        frames.append(measures.scores(folder))
    found = {}
    for name, metric in measures.metrics.items():
        means = [one[metric.column].astype(float).mean() for one in frames]
        values = [None if math.isnan(one) else float(one) for one in means]
        known = [one for one in values if one is not None]
        if known:
            span = {"mean": sum(known) / len(known), "lowest": min(known), "highest": max(known)}
            found[name] = {"values": values, **span}
    return found
