"""A cluster of Ray on this machine, and a small system whose model is trained on it, by two processes together.

The training is slow, a quarter of a second a step, as long as the file that the variable TINY_SLOW names exists.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import dagster as dg
from tiny_assets import Known
from tiny_descendants import below, children, kill
from tiny_homes import again
from tiny_training import CONFIG, make_stage, write_shards

from assets.audits import FINITE
from assets.declaration import Registry, Source, Summary, Work, stored_asset
from assets.graph import Graph
from data.execution import Execution
from data.shards.loader import Batch
from data.shards.reader import Shards
from models.training.fit import Loss, Stage
from models.training.processes import World
from models.training.train import train_stage
from pipelines.homes.executors import choose_executor
from pipelines.homes.needs import tags_of
from pipelines.settings import Settings

FIT = replace(CONFIG, steps=600, validate_every=100, report_every=20, checkpoint_every=20)
# What Ray waits for, in milliseconds and seconds: on a busy machine its processes start and answer late.
PATIENT = {
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "600",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_JOB_STOP_WAIT_TIME_S": "60",
}
_SMALL = ["--object-store-memory", "100000000", "--memory", "6000000000", "--disable-usage-stats"]


class Node:
    """A node of a cluster: the processes that `ray start` leaves; within `tiny_descendants.adopting`.

    Compiled modules are kept, so that a node that came up too late is in time when it is tried again.
    """

    def __init__(self, options: list[str], environment: Mapping[str, str]) -> None:
        before, words = children(), ["ray", "start", *options, *_SMALL]
        environment = {name: one for name, one in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
        again(lambda: subprocess.run(words, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=180))
        self._roots = children() - before

    def processes(self) -> set[int]:
        """Return the ids of its processes, with those of the steps that run on it."""
        return self._roots | below(*self._roots)

    def kill(self) -> None:
        """End all of them by signal 9."""
        kill(*self._roots)


def train_slowly(execution: Execution, shards: Path) -> dict[str, float]:
    """Train the small network; one process computes half of each batch."""

    def stage(world: World) -> Stage:
        made = make_stage(Shards(shards), FIT, world, dropout=0.0)
        objective = made.objective

        def slow(batch: Batch) -> Iterator[Loss]:
            if Path(os.environ.get("TINY_SLOW", "")).is_file():
                time.sleep(0.25)
            yield from objective(batch)

        made.objective = slow
        return made

    return train_stage(execution, stage, FIT, {})


__name__ = "assets.tiny.stages"  # the functions below stand in a room of their own, the group "tiny"


@stored_asset(
    files=["index.parquet"],
    kinds={"parquet"},
    source=Source("tiny_source", "Numbers that are made here.", "nsynth", lambda _: "1", lambda *_: None),
)
def tiny_shards(work: Work, tiny_source: None) -> Summary:
    """Eighteen vectors of six numbers, in shards."""
    return {"rows": len(write_shards(work.execution.folder))}


@stored_asset(files=["model.safetensors"], kinds={"pytorch"}, trains=True, audits=(FINITE,))
def tiny_model(work: Work, tiny_shards: Path) -> Summary:
    """A network that learns to repeat a vector."""
    return work.train(train_slowly, tiny_shards)


REGISTRY = Registry({"tiny_shards": tiny_shards, "tiny_model": tiny_model})


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the small system, with the executor and the needs of the real one."""
    settings = Settings.read()
    settings.freeze()
    graph = Graph(REGISTRY, settings.environment(), Known(), tags=partial(tags_of, settings=settings))
    return dg.Definitions(graph.definitions(), executor=choose_executor(settings))
