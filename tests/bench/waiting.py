"""How fast two threads train while other work keeps the cores busy, by how long a thread that waits for another spins.

Each way of waiting trains stage 1 of SING (preset `small`) in a process of its own, once on an idle machine and once
beside as many busy processes as there are cores. The variables belong to the OpenMP library of torch (libgomp), which
reads them when it is loaded.
"""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from models.losses import spectral
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.presets import PRESETS

ROOT = Path(__file__).resolve().parents[2]
SECONDS, ROUNDS = 8.0, 3
CORES = os.cpu_count() or 1
DEFAULT, CHOSEN = "as libgomp comes", "spin 10,000 times"
WAYS = {
    DEFAULT: {},
    "spin 100,000 times": {"GOMP_SPINCOUNT": "100000"},
    CHOSEN: {"GOMP_SPINCOUNT": "10000"},
    "spin 1,000 times": {"GOMP_SPINCOUNT": "1000"},
    "never spin": {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
_OURS = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")

BUSY = """
import os, sys
while os.getppid() == int(sys.argv[1]):  # it ends with the one that started it, however that ends
    sum(range(100_000))
"""


def measure(folder: Path) -> dict[str, Any]:
    """Return the median steps a second of each way of waiting, idle and beside other work."""
    del folder
    found: dict[str, list[float]] = {}
    for busy in (0, CORES):
        where = "beside other work" if busy else "idle machine"
        for number in range(ROUNDS * len(WAYS)):  # in turn, so that a slow minute is unfair to nobody
            name = list(WAYS)[number % len(WAYS)]
            found.setdefault(f"{name}, {where}", []).append(_speed(WAYS[name], busy))
    speeds = {name: sorted(several)[ROUNDS // 2] for name, several in found.items()}
    idle, loaded = (
        speeds[f"{CHOSEN}, {where}"] / speeds[f"{DEFAULT}, {where}"] for where in ("idle machine", "beside other work")
    )
    return {
        "figures": {f"{name}, steps/s": one for name, one in speeds.items()},
        "ratios": {
            "chosen / as libgomp comes, idle machine": (idle, ">=", 0.9),
            "chosen / as libgomp comes, beside other work": (loaded, ">=", 1.0),
        },
    }


def _speed(way: dict[str, str], busy: int) -> float:
    """Return the steps a second of a training in its own process, beside some busy processes."""
    environment = {name: value for name, value in os.environ.items() if name not in _OURS}
    with ExitStack() as stack:
        for _ in range(busy):
            other = subprocess.Popen([sys.executable, "-c", BUSY, str(os.getpid())])
            stack.callback(other.wait)
            stack.callback(other.kill)
        program = [sys.executable, __file__]
        done = subprocess.run(program, env={**environment, **way}, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout)


def train() -> float:
    """Train for some seconds, and return the steps a second."""
    config = PRESETS["small"].autoencoder
    wave = torch.randn(4, config.wave_length(265) + 2 * config.strip) * 0.1
    network = Autoencoder(config)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-4)
    start, steps = 0.0, -2  # two steps to warm up
    while steps < 1 or time.perf_counter() - start < SECONDS:
        if steps == 0:
            start = time.perf_counter()
        loss = spectral(wave[:, config.strip : -config.strip], network(wave))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
    return steps / (time.perf_counter() - start)


if __name__ == "__main__":
    print(train())
