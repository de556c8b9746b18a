"""What the separation systems cost: speed, first sound, size."""

import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from data.durable import write_json
from models.separation.separate import Separator

_SECONDS = 20
_ROUNDS = 3


def speed(separator: Separator, channels: int) -> tuple[float, float]:
    """Return seconds of sound a second, and seconds until the first sound, for noise of 20 s (medians of three)."""
    length = _SECONDS * separator.sample_rate
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (length, channels)).astype(np.float32)

    whole, first = [], []
    for _ in range(_ROUNDS + 1):  # the first one warms up
        began = time.perf_counter()
        pieces = separator.separate(lambda start, stop: noise[start:stop], length, channels, batch=1)
        next(pieces)
        first.append(time.perf_counter() - began)
        for _piece in pieces:
            pass
        whole.append(time.perf_counter() - began)
    return _SECONDS / statistics.median(whole[1:]), statistics.median(first[1:])


def write_cost(
    folder: Path,
    separators: Mapping[str, Separator],
    networks: Mapping[str, nn.Module],
    channels: int,
    device: torch.device,
) -> dict[str, float | str]:
    """Measure every separator and write cost.json: its speed and latency; of every network its parameters."""
    facts: dict[str, float | str] = {}
    for name, separator in separators.items():
        facts[f"{name}: seconds of sound per second"], facts[f"{name}: seconds to first sound"] = speed(
            separator, channels
        )
    for name, network in networks.items():
        facts[f"{name}: parameters"] = float(sum(one.numel() for one in network.parameters()))
    facts |= {
        "load average": os.getloadavg()[0],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "threads": float(torch.get_num_threads()),
    }
    write_json(folder / "cost.json", facts)
    return facts
