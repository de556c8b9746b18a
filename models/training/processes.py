"""Lets several processes train one model together by averaging their gradients.

The processes are started by `models.training.together`, or by `torchrun`, then on several machines too.

Gradients are averaged here after each backward pass, not by DistributedDataParallel. DistributedDataParallel wraps
one forward call, so an objective could not run its network in pieces (truncated back-propagation, two parameter
groups in turn).
"""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed

# Longest wait for the others, as while the leading one validates. Whoever dies is noticed by its parent, not by this.
_PATIENCE = timedelta(hours=6)


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

    def mean(self, value: float, device: torch.device) -> float:
        """Return the mean of a number over all processes; `device` is that of the exchange."""
        if self.size == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64, device=device)
        distributed.all_reduce(total)
        return total.item() / self.size

    def wait(self) -> None:
        """Wait until all processes have called this."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_processes(device: torch.device) -> Iterator[World]:
    """Join the processes of this training, and leave them at the end of the block.

    They are those that `meet` has joined, or those that torchrun started: it sets the environment variable WORLD_SIZE.
    Otherwise this process trains alone.

    Args:
        device: device of the training; "cuda" communicates through NCCL and uses the GPU number LOCAL_RANK,
            everything else communicates through Gloo.

    Yields:
        This process among the others.

    Example:
        >>> with join_processes(torch.device("cpu")) as world:
        ...     figures = fit(make_stage(world), config, execution, world)
    """
    if distributed.is_initialized():
        yield World(distributed.get_rank(), distributed.get_world_size())
        return
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group(_backend(device), timeout=_PATIENCE)
    try:
        yield World(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()


@contextmanager
def meet(place: Path, rank: int, size: int, device: torch.device) -> Iterator[None]:
    """Join processes of this machine through a file; `join_processes` finds them within the block.

    If the block raises an error, the others are not told: they wait until they are ended. So the error that came first
    is known for the first.

    Args:
        place: file that does not exist yet; the same for all of them.
        rank: number of this process, from 0; with "cuda" also the number of its GPU.
        size: number of processes.
        device: device of the training.
    """
    loopback = next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), None)
    if loopback is not None:
        os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = loopback
    if device.type == "cuda":
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        _backend(device), init_method=f"file://{place}", rank=rank, world_size=size, timeout=_PATIENCE
    )
    yield
    distributed.destroy_process_group()


def _backend(device: torch.device) -> str:
    return "nccl" if device.type == "cuda" else "gloo"
