"""A small training that can be run as a program: `python tiny_training.py SHARDS FOLDER STEPS [KILL_AT …]`.

It has all that makes resuming hard: dropout, a moving average, momentum, two updates a step,
a learning rate that changes. Each KILL_AT is the number of a file rename: a process of its own
trains in FOLDER/KILL_AT and is killed there by signal 9, then another one resumes it.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from data.errors import InputError
from data.execution import Execution
from data.shards.loader import Batch, Batches, BatchPlan
from data.shards.reader import Shards
from data.shards.writer import Record, ShardWriter
from models.training.checkpoint import save
from models.training.config import FitConfig
from models.training.fit import Loss, Stage, fit
from models.training.processes import World, join_processes
from models.training.train import train_stage

CONFIG = FitConfig(
    steps=24, batch_size=4, learning_rate=1e-2, warmup=3, decay=0.5, weight_decay=1e-2, clip=1.0, ema=0.9,
    validate_every=6, checkpoint_every=5, report_every=3, seed=3,
)  # fmt: skip


def write_shards(folder: Path) -> Shards:
    writer = ShardWriter(folder)
    generator = np.random.default_rng(0)
    for number in range(18):
        writer.add(Record(f"n{number:02d}", generator.standard_normal((6, 1)).astype(np.float32), 1))
    writer.commit()
    return Shards(folder)


def make_stage(
    shards: Shards, config: FitConfig, world: World, poison: int | None = None, dropout: float = 0.3
) -> Stage:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 8), nn.Dropout(dropout), nn.ReLU(), nn.Linear(8, 6))
    rows = np.arange(len(shards))
    batches = Batches(shards, rows, BatchPlan(config.batch_size, config.seed, (world.rank, world.size)))

    def objective(batch: Batch) -> Iterator[Loss]:
        if batch.step == 8 and os.environ.get("SIGNALLED") == str(world.rank):
            signal.raise_signal(signal.SIGTERM)
        values = torch.from_numpy(batch.values[..., 0]).clone()
        for half in (slice(0, 3), slice(3, 6)):
            loss = (network(values)[:, half] - values[:, half]).square().mean()
            yield "network", loss * (float("nan") if poison is not None and batch.step >= poison else 1.0)

    def validate(network: nn.Module) -> dict[str, float]:
        values = torch.from_numpy(shards.read(0)[:, 0])
        return {"error": (network(values) - values).square().mean().item()}

    return Stage("tiny", network, batches, objective, validate)


def train(shards: Shards, folder: Path, world: World | None = None, **changes) -> tuple[Stage, dict[str, float]]:
    config = replace(CONFIG, **{name: one for name, one in changes.items() if name not in ("poison", "dropout")})
    options = {name: one for name, one in changes.items() if name in ("poison", "dropout")}
    stage = make_stage(shards, config, world or World(), **options)
    return stage, fit(stage, config, Execution(folder), world or World())


def train_shards(execution: Execution, shards: Path, config: FitConfig, fault: str = "") -> dict[str, float]:
    """Train like the trainings of the systems do; `fault` says what the last process, or with "stop" each, suffers."""

    def stage(world: World) -> Stage:
        made = make_stage(Shards(shards), config, world, dropout=0.0)
        objective, last = made.objective, world.rank == world.size - 1

        def faulty(batch: Batch) -> Iterator[Loss]:
            suffer(fault, batch.step, execution.folder, last)
            return objective(batch)

        made.objective = faulty
        return made

    return train_stage(execution, stage, config, {})


def suffer(fault: str, step: int, folder: Path, last: bool) -> None:
    """Let a fault happen to this process if it is its moment."""
    if fault == "pids":
        (folder / f"pid-{os.getpid()}").touch()
    elif fault == "fail" and step == 8 and last:
        raise InputError("song.wav: cut off; fetch it again")
    elif fault == "kill" and step == 8 and last:
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == "kill once" and step == 8 and last and not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    elif fault == f"stop at {step}" and last:
        parent = multiprocessing.parent_process()
        os.kill(os.getpid() if parent is None else parent.pid, signal.SIGTERM)
        time.sleep(1)


def kill_at(left: int) -> None:
    """Kill this process without warning at the `left`-th rename of a file."""

    def hook(event: str, args: tuple) -> None:
        nonlocal left
        if event == "os.rename":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def train_to_the_end(shards: Shards, folder: Path, steps: int) -> None:
    with join_processes(torch.device("cpu")) as world:
        dropout = 0.3 if world.size == 1 else 0.0
        stage, _ = train(shards, folder, world, steps=steps, dropout=dropout)
        if world.leads:
            save(folder / "final", stage.network.state_dict(), {})


def in_a_process(work: Callable[[], None]) -> int:
    """Run `work` in a forked process and return how it ended (forking spares the import of torch)."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:  # an exception does not go on in a second process of the tests
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    shards, folder, steps = Shards(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    # With moments to kill at, this training is only there to import what torch imports late.
    train_to_the_end(shards, folder, steps)
    for moment in map(int, sys.argv[4:]):
        work = partial(train_to_the_end, shards, folder / str(moment), steps)
        killed = in_a_process(lambda work=work, moment=moment: (kill_at(moment), work()))
        print(moment, killed, in_a_process(work))


if __name__ == "__main__":
    main()
