"""Measures what a training costs before it starts: seconds, operations and memory of a step, on random data.

A step is a real one: the network at its size, the losses of the training, back-propagation and the update of its
optimiser. Only the examples are random numbers of the shape that the training has, so reading data is not included.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from models.training.config import FitConfig
from models.training.memory import freed_memory_kept
from models.training.state import State

Losses = Callable[[int], Iterator[tuple[str, Tensor]]]  # number of examples to the losses of a step, by group
_ROUNDS = 2  # steps that are timed, after one that is counted
_MOMENTS = 4  # values a parameter: itself, its gradient, two moments of Adam
_BUDGET = 3e11  # operations of a step that is measured; larger batches are measured in part


@dataclass(frozen=True)
class Training:
    """A training stage that is to be measured.

    Attributes:
        asset: name of the asset that it makes.
        fit: settings of its training loop.
        start: function that builds the network and returns it with its parameter groups and the losses of a step.
    """

    asset: str
    fit: FitConfig
    start: Callable[[], tuple[nn.Module, dict[str, list[nn.Parameter]], Losses]]


@dataclass(frozen=True)
class StepCost:
    """What was measured of a training stage.

    Attributes:
        parameters: number of values that are trained.
        flop: floating-point operations of convolutions and matrix products an example, forward and backward.
        kept_bytes: bytes an example that are kept for back-propagation, in float32.
        seconds: seconds of a step of the whole batch on this machine.
        examples: number of examples of the steps that were timed; where it is less than the batch, `seconds` is scaled.
    """

    parameters: int
    flop: float
    kept_bytes: float
    seconds: float
    examples: int

    def memory(self, fit: FitConfig) -> float:
        """Return the bytes that the training needs: weights, gradients, moments, and what is kept of a batch."""
        copies = _MOMENTS + (1 if fit.ema else 0)
        return 4.0 * copies * self.parameters + self.kept_bytes * fit.batch_size / fit.accumulate


def measure(training: Training, available: float) -> StepCost:
    """Measure a training stage on the CPU.

    One step of two examples is counted; then steps are timed, of the whole batch where its memory and its operations
    allow, else of as many examples as do.

    Args:
        training: the stage.
        available: bytes of memory that may be used.

    Raises:
        MemoryError: a step of two examples does not fit.

    Example:
        >>> [first, *_] = trainings(PRESETS["demo"])
        >>> measure(first, available=4e9).seconds
        0.03
    """
    network, groups, losses = training.start()
    parameters = sum(one.numel() for group in groups.values() for one in group)
    if 4 * _MOMENTS * parameters > available:
        raise MemoryError
    state, least = State.start(network, groups, training.fit), min(2, training.fit.batch_size)
    meter = _Meter({one.untyped_storage().data_ptr() for one in network.parameters()})
    with (
        warnings.catch_warnings(action="ignore"),  # of flags that this machine has not
        torch.backends.mkldnn.flags(enabled=False),  # its LSTM is one operation, which is not counted
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(lambda tensor: _Kept(tensor, meter), lambda kept: kept.tensor),
    ):
        _step(state, losses, least)
    kept_bytes, flop = meter.peak / least, counter.get_total_flops() / least
    room = (available - 4 * _MOMENTS * parameters) / max(kept_bytes, 1.0)
    examples = int(max(least, min(training.fit.batch_size, room, _BUDGET / max(flop, 1.0))))
    with freed_memory_kept():  # as in a training
        seconds = [_step(state, losses, examples) for _ in range(_ROUNDS)]
    return StepCost(parameters, flop, kept_bytes, min(seconds) * training.fit.batch_size / examples, examples)


class _Meter:
    """Adds up the memory of tensors that are kept for back-propagation.

    Attributes:
        peak: most bytes that were kept at a time, each storage once.
    """

    def __init__(self, own: set[int]) -> None:
        """Leave out the storages at the addresses `own`, those of the weights."""
        self._own, self._live, self._now, self.peak = own, dict[int, list[int]](), 0, 0

    def add(self, place: int, size: int) -> None:
        """Count a tensor whose storage of `size` bytes begins at address `place`."""
        if place not in self._own:
            users = self._live.setdefault(place, [0, size])
            if not users[0]:
                self._now += size
                self.peak = max(self.peak, self._now)
            users[0] += 1

    def remove(self, place: int) -> None:
        """Take back a tensor that was counted."""
        if place not in self._own and (users := self._live.get(place)) is not None:
            users[0] -= 1
            if not users[0]:
                self._now -= self._live.pop(place)[1]


class _Kept:
    """A tensor that is kept for back-propagation; the meter counts it as long as this object exists."""

    def __init__(self, tensor: Tensor, meter: _Meter) -> None:
        self.tensor, self._meter, self._place = tensor, meter, tensor.untyped_storage().data_ptr()
        meter.add(self._place, tensor.untyped_storage().nbytes())

    def __del__(self) -> None:
        self._meter.remove(self._place)


def _step(state: State, losses: Losses, examples: int) -> float:
    """Make the updates of one step of the training loop, and return the seconds that it took."""
    torch.manual_seed(0)
    began = time.perf_counter()
    for group, loss in losses(examples):
        loss.backward()
        state.optimisers[group].step()
        state.network.zero_grad(set_to_none=True)
    if state.average is not None:
        state.average.update_parameters(state.network)
    return time.perf_counter() - began
