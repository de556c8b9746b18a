"""Measures the cost of the separation systems: speed, time to the first output, memory, number of parameters."""

import os
import statistics
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from data.execution import Execution
from data.files.durable import write_json
from models.measuring import peak_memory
from models.separation.separate import Mixture, Separator

_SECONDS = 20  # length of the sound that speed is measured with
_ROUNDS = 3
_LENGTHS = (10, 60)  # seconds of sound; peak memory should be the same for both


def real_time_factor(separator: Separator, channels: int) -> tuple[float, float]:
    """Measure how fast a separator processes 20 s of noise, one chunk at a time.

    Args:
        separator: the system to measure.
        channels: number of channels of the noise.

    Returns:
        The real-time factor (seconds of computing per second of sound; below 1 is faster than real time), and the
        seconds until the first piece of the vocals. Both are medians of three rounds after a warm-up round.

    Example:
        >>> factor, first_seconds = real_time_factor(separator, channels=1)
    """
    whole, first = [], []
    for _ in range(_ROUNDS + 1):  # the first round is the warm-up
        began = time.perf_counter()
        pieces = _separated(separator, channels, _SECONDS)
        next(pieces)
        first.append(time.perf_counter() - began)
        for _piece in pieces:
            pass
        whole.append(time.perf_counter() - began)
    return statistics.median(whole[1:]) / _SECONDS, statistics.median(first[1:])


def _separated(separator: Separator, channels: int, seconds: int) -> Any:
    """Return an iterator over the vocals separated from uniform noise; the noise is drawn when it is read."""

    def noise(start: int, stop: int) -> np.ndarray:
        draw = np.random.default_rng(start)
        return draw.uniform(-0.3, 0.3, (stop - start, channels)).astype(np.float32)

    return separator.separate(Mixture(noise, seconds * separator.sample_rate, channels, 0.3 / 3**0.5), batch=1)


def memory(separator: Separator, channels: int) -> dict[str, float]:
    """Measure the peak memory of this process while it separates sound of 10 s and of 60 s.

    Returns:
        Peak resident memory in MiB, by the length of the sound in seconds ("10", "60"); empty where it cannot be
        measured (`models.measuring.peak_memory`).
    """

    def separate(seconds: int) -> None:
        for _piece in _separated(separator, channels, seconds):
            pass

    return peak_memory(separate, _LENGTHS)


def write_cost(
    execution: Execution, separators: Mapping[str, Separator], networks: Mapping[str, nn.Module], channels: int
) -> dict[str, float]:
    """Measure every separator and write cost.json.

    The file holds "systems" (for each: "real_time_factor", "first_sound_seconds" and "memory"), "parameters" of each
    network, and the conditions of the measurement: "load average", "device" and "threads".

    Args:
        execution: the folder for cost.json, and the device that the separators compute on.
        separators: systems to measure, by name.
        networks: networks whose parameters are counted, by name.
        channels: number of channels of the sound that is separated.

    Returns:
        The real-time factors, with the keys "NAME, real-time factor".

    Example:
        >>> write_cost(Execution(Path("cost")), {"masks": separator}, {"masks": network}, channels=1)
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
