"""What the separation systems cost: speed, first sound, memory against length, size."""

import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data.execution import Execution
from data.files.durable import write_json
from models.separation.separate import Separator

_SECONDS = 20
_ROUNDS = 3
_LENGTHS = (10, 60)  # seconds of sound between which memory should not grow


def real_time_factor(separator: Separator, channels: int) -> tuple[float, float]:
    """Return seconds of computing a second of sound, and seconds until the first sound, for noise of 20 s.

    Medians of three.
    """
    whole, first = [], []
    for _ in range(_ROUNDS + 1):  # the first one warms up
        began = time.perf_counter()
        pieces = _separated(separator, channels, _SECONDS)
        next(pieces)
        first.append(time.perf_counter() - began)
        for _piece in pieces:
            pass
        whole.append(time.perf_counter() - began)
    return statistics.median(whole[1:]) / _SECONDS, statistics.median(first[1:])


def _separated(separator: Separator, channels: int, seconds: int) -> Any:
    """Return what a separator makes of noise, piece by piece; the noise is not kept either."""

    def noise(start: int, stop: int) -> np.ndarray:
        draw = np.random.default_rng(start)
        return draw.uniform(-0.3, 0.3, (stop - start, channels)).astype(np.float32)

    return separator.separate(noise, seconds * separator.sample_rate, channels, batch=1)


def memory(separator: Separator, channels: int) -> dict[str, float]:
    """Return the peak memory of this process in MiB while it separates, by seconds of sound; empty but on Linux."""
    found = {}
    for seconds in _LENGTHS:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        except OSError:
            return {}
        for _piece in _separated(separator, channels, seconds):
            pass
        line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
        found[str(seconds)] = int(line.split()[1]) / 1024
    return found


def write_cost(
    execution: Execution, separators: Mapping[str, Separator], networks: Mapping[str, nn.Module], channels: int
) -> dict[str, float]:
    """Measure every separator and write cost.json.

    Args:
        execution: the folder, and the device that the separators compute on.
        separators: by name.
        networks: whose parameters are counted, by name.
        channels: of the sound that is separated.

    Returns:
        The real-time factors.
    """
    device = torch.device(execution.device)
    systems: dict[str, dict[str, Any]] = {}
    for name, separator in separators.items():
        factor, first = real_time_factor(separator, channels)
        systems[name] = {
            "real_time_factor": factor,
            "first_sound_seconds": first,
            "memory": memory(separator, channels),
        }
    results = {
        "systems": systems,
        "parameters": {name: sum(one.numel() for one in network.parameters()) for name, network in networks.items()},
        "load average": os.getloadavg()[0],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "threads": torch.get_num_threads(),
    }
    write_json(execution.folder / "cost.json", results)
    return {f"{name}, real-time factor": one["real_time_factor"] for name, one in systems.items()}
