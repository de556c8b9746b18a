"""Measures the trainings of a preset on this machine, and puts hours, memory and disk of a run together.

Hours are those of the trainings; reading data, evaluation and the report come on top.
"""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from assets.environment import Configuration
from assets.graph import Graph
from data.errors import InputError
from data.progress import Listener, Progress, ignore
from models.training.config import FitConfig
from pipelines.definitions import make_graph
from pipelines.jobs import find_system
from pipelines.planning.disk import needs
from pipelines.planning.gpus import EFFICIENCY, SOURCE, Gpu
from pipelines.planning.room import free_bytes
from pipelines.settings import Settings

if TYPE_CHECKING:
    from models.planning import StepCost, Training

_KEPT = 2  # checkpoints of a running training
_HALF = 0.5  # share of what is kept for back-propagation that is left in bfloat16


@dataclass(frozen=True)
class Stage:
    """What a training will cost.

    Attributes:
        asset: name of the asset.
        steps: number of steps.
        batch: number of examples of a step.
        parameters: number of values that are trained.
        teraflop: 1e12 operations of the whole training.
        hours: hours on this machine; None where it does not fit the memory.
        memory: bytes of memory on this machine, in float32.
        gpu_hours: hours on the GPU; None where none is named.
        gpu_memory: bytes of memory on the GPU, in the precision of the training.
        disk: bytes of the model, and of checkpoints while it is trained.
        measured: how this was measured, as text.
    """

    asset: str
    steps: int
    batch: int
    parameters: int
    teraflop: float
    hours: float | None
    memory: float
    gpu_hours: float | None
    gpu_memory: float
    disk: float
    measured: str


def make_plan(
    settings: Settings, systems: Sequence[str], gpu: Gpu | None = None, listener: Listener = ignore
) -> dict[str, Any]:
    """Return what a run of some systems will cost.

    Args:
        settings: the settings, which name the preset and the data.
        systems: names of the systems.
        gpu: a GPU whose hours are estimated too.
        listener: receives progress reports, in trainings.

    Returns:
        JSON values: "preset", "machine", "gpu" (None without one), "systems" (for each: "trainings", rows of `Stage`;
        "data", rows of `disk.Need`; "hours", "gpu_hours", "memory" (the largest) and "disk", which are totals) and
        "disk" ("folder", "needed" and "free" in bytes, "fits").

    Raises:
        InputError: there is no such system, or the preset needs a package that is missing.

    Example:
        >>> make_plan(Settings.read(), ["synthesis"], find_gpu("A100"))["disk"]["fits"]
        True
    """
    import torch

    graph = make_graph(settings)
    found = {find_system(name).name: _trainings(graph, name) for name in systems}
    progress = Progress("measure trainings", total=sum(map(len, found.values())), unit="trainings", listener=listener)
    planned, assets = {}, dict[str, float]()
    for system, trainings in found.items():
        stages = []
        for one in trainings:
            stages.append(_stage(one, gpu))
            progress.advance()
        data = needs(graph, system)
        assets |= {one.asset: one.size for one in data} | {one.asset: one.disk for one in stages}
        hours = [one.hours for one in stages if one.hours is not None]
        planned[system] = {
            "trainings": [asdict(one) for one in stages],
            "data": [asdict(one) for one in data],
            "hours": sum(hours) if len(hours) == len(stages) else None,
            "gpu_hours": sum(one.gpu_hours or 0.0 for one in stages) if gpu else None,
            "memory": max(one.memory for one in stages),
            "disk": sum(one.size for one in data) + sum(one.disk for one in stages),
        }
    progress.finish()
    free, needed = free_bytes(graph.environment.store), sum(assets.values())
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
    return {
        "preset": graph.environment.preset,
        "machine": {**machine, "threads": torch.get_num_threads(), "load": round(os.getloadavg()[0], 2)},
        "gpu": None if gpu is None else {**asdict(gpu), "efficiency": EFFICIENCY, "efficiency_source": SOURCE},
        "systems": planned,
        "disk": {"folder": str(graph.environment.store), "needed": needed, "free": free, "fits": needed <= free},
    }


def _trainings(graph: Graph, system: str) -> "list[Training]":
    """Return the trainings of a system."""
    from models.conversion import plan as conversion
    from models.separation import plan as separation
    from models.synthesis import plan as synthesis

    run = Configuration(graph.environment)
    if system == "synthesis":
        return synthesis.trainings(run.synthesis)
    return separation.trainings(run.separation) if system == "separation" else conversion.trainings(run.conversion)


def _stage(training: "Training", gpu: Gpu | None) -> Stage:
    """Measure a training, and return what it will cost."""
    from models.planning import measure

    available, fit = _available_memory(), training.fit
    try:
        cost = measure(training, available / 2)
    except MemoryError as error:
        raise InputError(
            f"{training.asset}: a step of two examples does not fit the {available / 1e9:.1f} GB of memory that are "
            "free; end other programs, or plan on a larger machine"
        ) from error
    operations = cost.flop * fit.batch_size * fit.steps
    memory = cost.memory(fit)
    told = f"measured with {cost.examples} of {fit.batch_size} examples"
    fits = memory <= available
    return Stage(
        asset=training.asset,
        steps=fit.steps,
        batch=fit.batch_size,
        parameters=cost.parameters,
        teraflop=operations / 1e12,
        hours=cost.seconds * fit.steps / 3600 if fits else None,
        memory=memory,
        gpu_hours=None if gpu is None else gpu.seconds(operations, fit.precision) / 3600,
        gpu_memory=_on_gpu(cost, fit),
        disk=_disk(cost, fit),
        measured=told if fits else f"{told}; a whole batch does not fit the memory: raise accumulate",
    )


def _on_gpu(cost: "StepCost", fit: FitConfig) -> float:
    """Return the bytes of memory on a GPU: in bfloat16, about half of what is kept for back-propagation."""
    kept = cost.memory(fit) - cost.memory(FitConfig(0, 0, ema=fit.ema))
    return cost.memory(fit) - (kept * (1 - _HALF) if fit.precision == "bfloat16" else 0.0)


def _disk(cost: "StepCost", fit: FitConfig) -> float:
    """Return the bytes of the model, of the weights of the last step, and of the checkpoints of a running training."""
    models = 2 if fit.ema else 1
    return 4.0 * cost.parameters * (models + _KEPT * (2 + models))


def _available_memory() -> float:
    """Return the bytes of memory that programs can still get; on Linux from /proc/meminfo."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(1024.0 * int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError):
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) / 2
