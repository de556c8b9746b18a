"""A stage of any system trained to the end and kept: what is the same for all of them."""

from collections.abc import Callable, Mapping
from typing import Any

import torch

from data.execution import Execution
from models.training.checkpoint import save_network
from models.training.config import FitConfig
from models.training.fit import fit
from models.training.processes import World, join_processes
from models.training.stage import Figures, Stage


def train_stage(
    execution: Execution, make_stage: Callable[[World], Stage], config: FitConfig, metadata: Mapping[str, Any]
) -> Figures:
    """Train a stage, going on where it was stopped, and leave `model.safetensors` and `model.json` in the folder.

    Args:
        execution: the folder for the model, its checkpoints and its history, and the device.
        make_stage: returns the stage, given which process this is among how many.
        config: how long and how fast to train.
        metadata: what model.json says of the network, beside the figures.

    Returns:
        The figures of the last validation, with "loss" and "seconds" of training.
    """
    with join_processes(torch.device(execution.device)) as world:
        stage = make_stage(world)
        figures = fit(stage, config, execution, world)
        save_network(execution.folder, stage.network, {**metadata, "figures": figures}, world)
    return figures
