"""Describes a training stage: network, batches, objective, validation."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor, nn

from data.shards.loader import Batch

Loss = tuple[str, Tensor]
Figures = dict[str, float]


class BatchSource(Protocol):
    """Source of batches that are numbered by step; `data.shards.loader.Batches` is one."""

    def stream(self, start: int, stop: int, loaders: int = 1, /) -> AbstractContextManager[Iterator[Batch]]:
        """Return a context manager that gives the batches of steps start to stop - 1, loaded by so many threads."""
        ...


@dataclass
class Stage:
    """A network to train, its batches, its objective and its validation.

    Example:
        >>> def objective(batch):
        ...     yield "network", (network(to_wave(batch)) - target(batch)).square().mean()
        >>> Stage("autoencoder", network, batches, objective)

    Attributes:
        name: name of the stage, used in progress reports, checkpoints and error messages.
        network: module that holds all weights to train and save, on the device of the training.
        batches: source of the training batches.
        objective: function of a batch that yields pairs (name of a parameter group, scalar loss). The optimiser
            updates that group before the next loss is computed.
        validate: function of the network, or of its moving average if one is kept, in evaluation mode and without
            gradients; returns figures by name. By default there are no figures.
        parameter_groups: parameters by the name of their group; each group has its own optimiser. By default one
            group "network" holds all parameters.
        compilable: modules to compile with torch.compile if the configuration has `compile` set.
    """

    name: str
    network: nn.Module
    batches: BatchSource
    objective: Callable[[Batch], Iterator[Loss]]
    validate: Callable[[nn.Module], Figures] = lambda network: {}
    parameter_groups: Mapping[str, list[nn.Parameter]] = field(default_factory=dict)
    compilable: tuple[nn.Module, ...] = ()
