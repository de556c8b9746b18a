"""Several training processes as one: what `torchrun` starts, averaged after each backward pass.

Gradients are averaged here rather than by DistributedDataParallel: an objective may then run
its network in pieces (truncated back-propagation, two groups in turn), which a wrapper
around one forward call does not allow.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class World:
    """This process among those of one training: number `rank` of `size`."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Replace each gradient by its mean over all processes."""
        if self.size == 1:
            return
        gradients = list(gradients)
        pending = [distributed.all_reduce(gradient, async_op=True) for gradient in gradients]
        for work in pending:
            work.wait()
        for gradient in gradients:
            gradient.div_(self.size)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Return whether `flag` holds in any process."""
        if self.size == 1:
            return flag
        vote = torch.tensor(float(flag), device=device)
        distributed.all_reduce(vote)
        return bool(vote)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_processes(device: torch.device) -> Iterator[World]:
    """Join the processes that torchrun started; alone, a world of one."""
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
