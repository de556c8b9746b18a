"""Lets several processes, started by `torchrun`, train one model together by averaging their gradients.

Gradients are averaged here after each backward pass, not by DistributedDataParallel. DistributedDataParallel wraps
one forward call, so an objective could not run its network in pieces (truncated back-propagation, two parameter
groups in turn).
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class World:
    """This process among those of one training.

    Attributes:
        rank: number of this process, from 0.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process (rank 0) writes the files and runs the validations."""
        return self.rank == 0

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Replace each gradient, in place, by its mean over all processes."""
        if self.size == 1:
            return
        gradients = list(gradients)
        pending = [distributed.all_reduce(gradient, async_op=True) for gradient in gradients]
        for work in pending:
            work.wait()
        for gradient in gradients:
            gradient.div_(self.size)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Return whether `flag` is True in at least one process; `device` is that of the exchange."""
        if self.size == 1:
            return flag
        vote = torch.tensor(float(flag), device=device)
        distributed.all_reduce(vote)
        return bool(vote)

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_processes(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started, and leave them at the end of the block.

    The number of processes is read from the environment variable WORLD_SIZE. Without it this process trains alone.

    Args:
        device: device of the training; "cuda" communicates through NCCL and uses the GPU number LOCAL_RANK,
            everything else communicates through Gloo.

    Yields:
        This process among the others.

    Example:
        >>> with join_processes(torch.device("cpu")) as world:
        ...     figures = fit(make_stage(world), config, execution, world)
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield World(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
