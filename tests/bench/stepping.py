"""A training step of preset `small`, and what it was before its largest costs on a CPU were removed.

The costs are pages of memory that the system clears anew for every large block (`models.training.memory`), and the
exponential linear unit of torch in the codec (`models.separation.codec.Elu`). Before and after are processes of one
thread that take turns, and what counts is the time of the processor: the steps are those of a plan
(`models.planning`), on random data.
"""

import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

ROUNDS = 3
STAGES = ("separation_denoiser", "separation_codec", "separation_mask_network", "synthesis_autoencoder")

PROGRAM = """
import contextlib, importlib, sys, time
import torch
from torch import nn
from models import planning
from models.training.state import State

torch.set_num_threads(1)
asset, whose = sys.argv[1:]
system = asset.split("_")[0]
if whose == "before":
    importlib.import_module("models.separation.codec").Elu = nn.ELU
preset = importlib.import_module(f"models.{system}.presets").PRESETS["small"]
stages = importlib.import_module(f"models.{system}.plan").trainings(preset)
stage = next(one for one in stages if one.asset == asset)
network, groups, losses = stage.start()
state = State.start(network, groups, stage.fit)
with contextlib.nullcontext() if whose == "before" else planning.freed_memory_kept():
    planning._step(state, losses, stage.fit.batch_size)
    began = time.process_time()
    for _ in range(3):
        planning._step(state, losses, stage.fit.batch_size)
    print((time.process_time() - began) / 3)
"""


def measure(folder: Path) -> dict[str, Any]:
    """Return seconds of a processor a step, before and after, and their ratios."""
    del folder
    figures, ratios = {}, {}
    for stage in STAGES:
        found: dict[str, list[float]] = {"before": [], "after": []}
        for _ in range(ROUNDS):
            for whose, seconds in found.items():
                command = [sys.executable, "-c", PROGRAM, stage, whose]
                answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                seconds.append(float(answer))
        middle = {whose: statistics.median(seconds) for whose, seconds in found.items()}
        figures |= {f"{stage}, {whose}, CPU s a step": seconds for whose, seconds in middle.items()}
        ratios[f"{stage}, after / before"] = (middle["after"] / middle["before"], "<=", 1.0)
    return {"figures": figures, "ratios": ratios}
