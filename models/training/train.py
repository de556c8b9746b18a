"""A stage of any system trained to the end and kept: the frame that is the same for all of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from data.progress import Listener, ignore
from models.training.checkpoint import save_network
from models.training.config import FitConfig
from models.training.fit import Stage, fit
from models.training.processes import World, join_processes

Figures = dict[str, float]


def train(
    folder: Path,
    stage_of: Callable[[World], Stage],
    config: FitConfig,
    device: torch.device,
    metadata: Mapping[str, Any],
    listener: Listener = ignore,
) -> Figures:
    """Train a stage, going on where it was stopped, and leave `model.safetensors` and `model.json` in `folder`.

    Args:
        folder: of the stage; checkpoints and history are kept there too.
        stage_of: returns the stage, given which process this is among how many.
        config: how to train.
        device: where to.
        metadata: what model.json says of the network, beside the figures.
        listener: is told steps, rate, time left and figures.

    Returns:
        The figures of the last validation, with "loss" and "seconds" of training.
    """
    with join_processes(device) as world:
        stage = stage_of(world)
        figures = fit(stage, config, folder, device, world=world, listener=listener)
        save_network(folder, stage.network, {**metadata, "figures": figures}, world)
    return figures
