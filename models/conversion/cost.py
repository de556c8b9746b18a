"""Measures what converting costs: the real-time factor of each stage and of the whole, memory against length.

Memory is measured where Linux resets the peak of a process (/proc/self/clear_refs).
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.execution import Execution
from data.files.durable import write_json
from models.conversion.convert import Converter, fit
from models.conversion.frames import CONTENT, RATE
from models.conversion.key import Shift

_SECONDS, _ROUNDS = 10, 3
_LENGTHS = (10, 60)  # seconds of sound that memory is measured with


def write_cost(execution: Execution, converter: Converter) -> dict[str, float]:
    """Measure a conversion system on noise and write cost.json.

    The file holds "stages" (for each stage and for the "whole": "real_time_factor"; for the whole also "memory", the
    peak of this process in MiB by the length of the sound in seconds), "parameters" of the networks, and the
    conditions of the measurement: "load average", "device" and "threads".

    Args:
        execution: the folder for cost.json, and the device of the system.
        converter: the system.

    Returns:
        The real-time factors, seconds of computing per second of sound, with the keys "NAME, real-time factor".

    Example:
        >>> write_cost(Execution(Path("cost")), load_converter(stages, torch.device("cpu")))
    """
    wave = _noise(_SECONDS)
    melody, content = converter.extractor.melody(wave), converter.content.frames(wave)
    stretched = fit(melody, CONTENT * len(content))
    mel = converter.acoustic.mel(content, stretched, 0.0)
    stages: dict[str, Callable[[], Any]] = {
        "melody extractor": lambda: converter.extractor.melody(wave),
        "content": lambda: converter.content.frames(wave),
        "acoustic model": lambda: converter.acoustic.mel(content, stretched, 0.0),
        "vocoder": lambda: converter.vocoder.wave(mel, stretched.f0),
        "whole": lambda: converter.sing(wave, converter.extractor.melody(wave), Shift(0.0, 0.0)),
    }
    found: dict[str, dict[str, Any]] = {name: {"real_time_factor": _factor(work)} for name, work in stages.items()}
    found["whole"]["memory"] = _memory(converter)
    device = torch.device(execution.device)
    write_json(
        execution.folder / "cost.json",
        {
            "stages": found,
            "load average": os.getloadavg()[0],
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
            "threads": torch.get_num_threads(),
        },
    )
    return {f"{name}, real-time factor": one["real_time_factor"] for name, one in found.items()}


def _noise(seconds: int) -> np.ndarray:
    """Return uniform noise, (T,) float32."""
    return np.random.default_rng(0).uniform(-0.3, 0.3, seconds * RATE).astype(np.float32)


def _factor(work: Callable[[], Any]) -> float:
    """Return the median real-time factor of three rounds on 10 s of sound, after a warm-up round."""
    seconds = []
    for _ in range(_ROUNDS + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:]) / _SECONDS


def _memory(converter: Converter) -> dict[str, float]:
    """Return the peak memory of this process in MiB by seconds of sound; empty where it cannot be measured."""
    found = {}
    for seconds in _LENGTHS:
        try:
            Path("/proc/self/clear_refs").write_text("5")  # resets the peak (VmHWM)
        except OSError:
            return {}
        converter.convert(_noise(seconds))
        line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
        found[str(seconds)] = int(line.split()[1]) / 1024
    return found
