"""Measures the speed and the memory of a melody extractor on one thread."""

import resource
import time
from collections.abc import Callable

import numpy as np
import torch

from models.conversion.frames import RATE
from models.conversion.melody.load import Extractor


def real_time_factor(work: Callable[[np.ndarray], object], seconds: float = 20.0, tries: int = 3) -> float:
    """Return the least processing time of some tries divided by the duration of the recording, on one thread.

    A first try, which loads and compiles things, does not count.

    Args:
        work: processes a wave, (T,) float32, 16 kHz.
        seconds: length of the recording, noise at -30 dBFS.
        tries: number of tries that count.

    Example:
        >>> real_time_factor(load_extractor(Path("melody"), torch.device("cpu")).melody)
        0.012
    """
    wave = np.random.default_rng(0).standard_normal(int(seconds * RATE)).astype(np.float32) * np.float32(0.03)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        work(wave[:RATE])
        spent = []
        for _ in range(tries):
            start = time.perf_counter()
            work(wave)
            spent.append(time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return min(spent) / seconds


def describe_cost(extractor: Extractor, lengths: tuple[float, ...] = (10.0, 600.0)) -> dict[str, float]:
    """Return the cost of an extractor: "parameters", "real_time_factor", and the peak memory of the process in MiB.

    The memory of a length, "memory_10" say, is the highest of the process until then, so lengths must ascend.
    """
    found = {
        "parameters": float(sum(one.numel() for one in extractor.network.parameters())),
        "real_time_factor": real_time_factor(extractor.melody),
    }
    for seconds in lengths:
        extractor.melody(np.zeros(int(seconds * RATE), np.float32))
        found[f"memory_{seconds:g}"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found
