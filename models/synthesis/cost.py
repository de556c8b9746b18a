"""Measures the cost of SING and of the WaveNet: training, speed, compression, size (the paper's Table 2).

Compression is the number of audio samples divided by the number of values a note is generated from. For SING these
are the inputs of its LSTM at one step, since they determine the note; for the WaveNet they are its encoding.
"""

import os
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from data.execution import Execution
from data.files.durable import write_json
from data.nsynth.dataset import FRAMES, SAMPLE_RATE
from models.synthesis.sampling import reconstruct
from models.synthesis.synthesize import generation_speed
from models.synthesis.train import load_sing
from models.synthesis.train_wavenet import load_wavenet
from models.synthesis.wavenet import WavenetAutoencoder

_BATCH, _ROUNDS = 16, 3
_SAMPLES = 2048  # length of the notes for the WaveNet: long enough to time one step


def mebibytes(network: nn.Module) -> float:
    """Return the size of a network's weights in MiB of float32."""
    return sum(one.numel() for one in network.parameters()) * 4 / 2**20


def wavenet_speed(network: WavenetAutoencoder, device: torch.device) -> float:
    """Return the speed of WaveNet sampling in seconds of audio per second of computing.

    It is the median of 3 runs with a batch of 16 short notes (2048 samples), encoding included.
    """
    samples = _SAMPLES // network.config.hop * network.config.hop
    wave = torch.from_numpy(np.random.default_rng(0).uniform(-0.1, 0.1, (_BATCH, samples))).float().to(device)
    times = []
    for _ in range(_ROUNDS + 1):  # the first one warms up
        start = time.perf_counter()
        reconstruct(network, wave)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return _BATCH * samples / SAMPLE_RATE / statistics.median(times[1:])


def _wavenet(network: WavenetAutoencoder, seconds: float) -> dict[str, float]:
    """Return the figures of the WaveNet, given its training time in seconds."""
    return {
        "WaveNet training hours": seconds / 3600,
        "WaveNet seconds of audio per second": wavenet_speed(network, next(network.parameters()).device),
        "WaveNet compression": network.config.hop / network.config.code,
        "WaveNet MiB": mebibytes(network),
        "WaveNet parameters": float(sum(one.numel() for one in network.parameters())),
    }


def write_cost(
    execution: Execution, model: Path, wavenet: Path | None, seconds: Mapping[str, float]
) -> dict[str, float | str]:
    """Measure the cost of SING and of the WaveNet, and write it to cost.json.

    Args:
        execution: folder of the file, and device to measure on.
        model: folder of the trained SING.
        wavenet: folder of the trained WaveNet; None if there is none, and then nothing is said of it.
        seconds: training time in seconds of "synthesis_autoencoder", "synthesis_sequence", "synthesis_model" and
            "synthesis_wavenet" if there is one.

    Returns:
        The content of cost.json: training hours, speed, compression and size of both systems; batch size, number of
        WaveNet parameters, load average over 1 minute, device and number of threads.
    """
    device = torch.device(execution.device)
    sing = load_sing(model, device)
    stages = [seconds[name] for name in ("synthesis_autoencoder", "synthesis_sequence", "synthesis_model")]
    results: dict[str, float | str] = {
        "SING training hours": sum(stages) / 3600,
        "SING seconds of audio per second": generation_speed(sing, batch_size=_BATCH),
        "SING compression": FRAMES / sing.sequence.lstm.input_size,
        "SING MiB": mebibytes(sing),
        **(_wavenet(load_wavenet(wavenet, device), seconds["synthesis_wavenet"]) if wavenet is not None else {}),
        "batch": float(_BATCH),
        "load average": os.getloadavg()[0],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "threads": float(torch.get_num_threads()),
    }
    write_json(execution.folder / "cost.json", results)
    return results
