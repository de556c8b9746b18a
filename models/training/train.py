"""Trains a stage to its last step and saves the network; used by every system."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from data.execution import Execution
from models.training.checkpoint import save_network
from models.training.config import FitConfig
from models.training.fit import fit
from models.training.memory import enough_memory, freed_memory_kept
from models.training.processes import World, join_processes
from models.training.stage import Figures, Stage


def train_stage(
    execution: Execution, make_stage: Callable[[World], Stage], config: FitConfig, metadata: Mapping[str, Any]
) -> Figures:
    """Train a stage, resuming where it was stopped, and write `model.safetensors` and `model.json` to the folder.

    Args:
        execution: folder of the model, its checkpoints and its history; device; listener for progress reports.
        make_stage: function that returns the stage, given this process among those of the training.
        config: number of steps, batch size, optimiser.
        metadata: values for model.json, such as the sizes of the network; "figures" is added.

    Returns:
        The figures of the last validation, "loss" and "seconds", as `models.training.fit.fit` returns them.

    Raises:
        InputError: the checkpoint in the folder belongs to another configuration or to another code version.
        Diverged: the gradients stay NaN or infinite.
        MemoryFull: no memory is left; the newest checkpoint stays.
        KeyboardInterrupt: SIGTERM or SIGINT requested a stop; a checkpoint has been written before.

    Example:
        >>> def make_stage(world):
        ...     return Stage("codec", network, make_batches(world), objective)
        >>> train_stage(Execution(Path("run")), make_stage, FitConfig(steps=1000, batch_size=16), {"channels": 64})
    """
    with freed_memory_kept(), join_processes(torch.device(execution.device)) as world:
        stage = make_stage(world)
        with enough_memory(stage.name, config, execution.folder):
            figures = fit(stage, config, execution, world)
        save_network(execution.folder, stage.network, {**metadata, "figures": figures}, world)
    return figures
