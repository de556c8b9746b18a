"""A training stage: what is trained, on what batches, towards what."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor, nn

from data.shards.loader import Batch

Loss = tuple[str, Tensor]
Figures = dict[str, float]


class BatchSource(Protocol):
    """Batches addressed by step; `data.shards.loader.Batches` is one."""

    def stream(self, start: int, stop: int) -> AbstractContextManager[Iterator[Batch]]:
        """Yield the batches of steps start, start + 1, … stop - 1."""
        ...


@dataclass
class Stage:
    """What is trained, on what batches, towards what.

    Example:
        >>> def objective(batch):
        ...     yield "network", (network(to_wave(batch)) - target(batch)).square().mean()
        >>> Stage("autoencoder", network, batches, objective)

    Attributes:
        name: for progress and errors.
        network: everything that is trained and kept, on the device.
        batches: the training batches.
        objective: called with a batch, yields pairs (name of a parameter group, scalar loss). The optimiser
            update of that group is made before the next loss is asked for.
        validate: called with the network, or its moving average if one is kept, in evaluation mode and without
            gradients; returns figures by name.
        parameter_groups: parameters by the name of their group, an optimiser each. By default one group
            "network" holds all of them.
        compilable: modules to hand to torch.compile where the configuration asks for it.
    """

    name: str
    network: nn.Module
    batches: BatchSource
    objective: Callable[[Batch], Iterator[Loss]]
    validate: Callable[[nn.Module], Figures] = lambda network: {}
    parameter_groups: Mapping[str, list[nn.Parameter]] = field(default_factory=dict)
    compilable: tuple[nn.Module, ...] = ()
