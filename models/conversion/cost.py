"""Measures what converting costs: real-time factor of each stage and of the whole, first sound, memory against length.

The stages work one after the other, each on all of the recording; only the vocoder gives its wave in pieces. So the
first sound of a recording comes when its melody, content and mel spectrogram are known and the first piece is made:
the longer the recording, the later.
"""

import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from data.execution import Execution
from data.files.durable import write_json
from models.conversion.convert import Converter, fit
from models.conversion.frames import CONTENT, RATE
from models.conversion.key import Shift
from models.measuring import peak_memory

_SECONDS, _ROUNDS = 10, 3
_LENGTHS = (10, 60)  # seconds of sound that memory is measured with


def write_cost(execution: Execution, converter: Converter) -> dict[str, float]:
    """Measure a conversion system on noise and write cost.json.

    The file holds "stages" (for each stage and for the "whole": "real_time_factor"; for the whole also "memory", the
    peak of this process in MiB by the length of the sound in seconds, "first_sound_seconds", the time until the first
    piece of a long recording is made, and "first_sound_of_seconds", the length of that recording), and the conditions
    of the measurement: "load average", "device" and "threads".

    Args:
        execution: the folder for cost.json, and the device of the system.
        converter: the system.

    Returns:
        The real-time factors, seconds of computing per second of sound, with the keys "NAME, real-time factor".

    Example:
        >>> write_cost(Execution(Path("cost")), load_converter(stages, torch.device("cpu")))
    """
    wave = _noise(_SECONDS)
    melody, content = converter.extractor.melody(wave), converter.content.covering(wave)
    stretched = fit(melody, CONTENT * len(content))
    mel = converter.acoustic.mel(content, stretched, 0.0)
    stages: dict[str, Callable[[], Any]] = {
        "melody extractor": lambda: converter.extractor.melody(wave),
        "content": lambda: converter.content.covering(wave),
        "acoustic model": lambda: converter.acoustic.mel(content, stretched, 0.0),
        "vocoder": lambda: converter.vocoder.wave(mel, stretched.f0),
        "whole": lambda: converter.sing(wave, converter.extractor.melody(wave), Shift(0.0, 0.0)),
    }
    found: dict[str, dict[str, Any]] = {name: {"real_time_factor": _factor(work)} for name, work in stages.items()}
    found["whole"]["memory"] = peak_memory(lambda seconds: converter.convert(_noise(seconds)), _LENGTHS)
    found["whole"] |= {
        "first_sound_seconds": first_sound(converter, _LENGTHS[-1]),
        "first_sound_of_seconds": _LENGTHS[-1],
    }
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


def first_sound(converter: Converter, seconds: int) -> float:
    """Return the seconds from the call until the first piece of a converted recording is made.

    Args:
        converter: the system, which has been used before.
        seconds: length of the recording.
    """
    wave = _noise(seconds)
    began = time.perf_counter()
    melody, content = converter.extractor.melody(wave), converter.content.covering(wave)
    stretched = fit(melody, CONTENT * len(content))
    next(converter.vocoder.pieces(converter.acoustic.mel(content, stretched, 0.0), stretched.f0))
    return time.perf_counter() - began


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
