"""Separation of whole songs: speed, first sound and memory beside Hybrid Demucs, all with random weights.

Speed does not depend on the weights. Sound is noise at the rate and with the channels each system hears:
ours at 24 kHz (preset paper) and 16 kHz (small), Hybrid Demucs at 44.1 kHz, stereo all.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from models.separation.codec import Codec
from models.separation.cost import real_time_factor
from models.separation.denoiser import Denoiser
from models.separation.latents import Scaling
from models.separation.mask_network import MaskNetwork
from models.separation.presets import PRESETS
from models.separation.published.separator_networks import hdemucs_separator, load_hdemucs
from models.separation.separate import Sampling, Separator, diffusion_separator, mask_separator

CPU = torch.device("cpu")

# The peak is asked of /proc: rusage counts what the parent held when it forked.
PROGRAM = """
import sys
from pathlib import Path
import numpy as np, soundfile
sys.path.insert(0, str(Path(sys.argv[1])))
from separating import diffusion
from models.separation.files import separate_file
song, minutes = Path(sys.argv[2]), int(sys.argv[3])
with soundfile.SoundFile(song, "w", 44_100, 2, "PCM_16") as file:
    for minute in range(minutes):
        file.write(np.random.default_rng(minute).uniform(-0.3, 0.3, (60 * 44_100, 2)))
separate_file(song, song.with_name("vocals.wav"), diffusion("small", 1))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def diffusion(preset: str, steps: int) -> Separator:
    """Return latent diffusion of a preset with random weights."""
    config = PRESETS[preset]
    torch.manual_seed(0)
    codec, denoiser = Codec(config.codec).eval(), Denoiser(config.denoiser).eval()
    width = (config.codec.dimension, 1)
    scaling = Scaling(torch.zeros(width), torch.ones(width))
    return diffusion_separator(codec, denoiser, scaling, Sampling(steps, config.chunk, config.overlap))


def measure(folder: Path) -> dict[str, Any]:
    """Return speed and latency of every system, and how memory grows with the song."""
    systems = {
        "diffusion, paper, 20 steps": diffusion("paper", 20),
        "diffusion, paper, 5 steps": diffusion("paper", 5),
        "diffusion, small, 20 steps": diffusion("small", 20),
        "masks, small": mask_separator(MaskNetwork(PRESETS["small"].mask_network).eval(), 16_000),
        "Hybrid Demucs": hdemucs_separator(load_hdemucs(None, CPU)),
    }
    figures, fast = {}, {}
    for name, system in systems.items():
        factor, first = real_time_factor(system, 2)
        fast[name] = 1 / factor
        figures[f"{name}, real-time factor"], figures[f"{name}, s to first sound"] = factor, first
    for steps in (5, 20):  # to be seen side by side; nothing is asked of it
        name = f"diffusion, paper, {steps} steps"
        figures[f"{name}, speed / Hybrid Demucs"] = fast[name] / fast["Hybrid Demucs"]
    peaks = {}
    for minutes in (1, 10):
        command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(folder / "song.wav"), str(minutes)]
        peaks[minutes] = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) * 1024 / 1e6
        figures[f"peak memory, song of {minutes} min, MB"] = peaks[minutes]
    return {
        "figures": figures,
        "ratios": {
            "memory, 10 minutes / 1 minute": (peaks[10] / peaks[1], "<=", 1.1),
        },
    }  # fmt: skip
