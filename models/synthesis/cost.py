"""What SING and its competitor cost: training, speed, compression, size (the paper's Table 2).

Compression is audio values over the values a note is made from: SING's are the inputs of its
LSTM at one step, which say all there is to say; the WaveNet's are its encoding.
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
_SAMPLES = 2048  # of the WaveNet, enough to time a step


def mebibytes(network: nn.Module) -> float:
    """Return the size of a network's weights in MiB of float32."""
    return sum(one.numel() for one in network.parameters()) * 4 / 2**20


def wavenet_speed(network: WavenetAutoencoder, device: torch.device) -> float:
    """Return seconds of audio the WaveNet draws a second, in batches of 16 notes."""
    samples = _SAMPLES // network.config.hop * network.config.hop
    wave = torch.from_numpy(np.random.default_rng(0).uniform(-0.1, 0.1, (_BATCH, samples))).float().to(device)
    times = []
    for _ in range(_ROUNDS + 1):  # the first one warms up
        start = time.perf_counter()
        reconstruct(network, wave)
        times.append(time.perf_counter() - start)
    return _BATCH * samples / SAMPLE_RATE / statistics.median(times[1:])


def write_cost(
    execution: Execution, model: Path, wavenet: Path, seconds: Mapping[str, float]
) -> dict[str, float | str]:
    """Measure what SING and the WaveNet cost and write it as cost.json.

    Args:
        execution: the folder, and the device to measure on.
        model: folder of SING.
        wavenet: folder of the WaveNet.
        seconds: training time of each stage by asset name.

    Returns:
        What cost.json holds.
    """
    device = torch.device(execution.device)
    sing, competitor = load_sing(model, device), load_wavenet(wavenet, device)
    stages = [seconds[name] for name in ("synthesis_autoencoder", "synthesis_sequence", "synthesis_model")]
    results: dict[str, float | str] = {
        "SING training hours": sum(stages) / 3600,
        "SING seconds of audio per second": generation_speed(sing, batch_size=_BATCH),
        "SING compression": FRAMES / sing.sequence.lstm.input_size,
        "SING MiB": mebibytes(sing),
        "WaveNet training hours": seconds["synthesis_wavenet"] / 3600,
        "WaveNet seconds of audio per second": wavenet_speed(competitor, device),
        "WaveNet compression": competitor.config.hop / competitor.config.code,
        "WaveNet MiB": mebibytes(competitor),
        "batch": float(_BATCH),
        "WaveNet parameters": float(sum(one.numel() for one in competitor.parameters())),
        "load average": os.getloadavg()[0],
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU",
        "threads": float(torch.get_num_threads()),
    }
    write_json(execution.folder / "cost.json", results)
    return results
