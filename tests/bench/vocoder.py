"""The vocoder beside Griffin-Lim of librosa (32 iterations), all on one thread: real-time factors, and memory.

Speed does not depend on the weights, which are random. librosa's own inversion of the mel filters (non-negative least
squares) is counted in one contestant and left out of the other, which is given the magnitudes.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from contest import take_turns

from data.pitch.compiled import librosa
from models.conversion.frames import HOP, RATE
from models.conversion.mel import N_FFT, filter_bank, log_mel
from models.conversion.vocoder.config import HifiganConfig, PulsesConfig, VocosConfig
from models.conversion.vocoder.griffin_lim import ITERATIONS, griffin_lim
from models.conversion.vocoder.hifigan import Hifigan
from models.conversion.vocoder.load import Vocoder
from models.conversion.vocoder.network import build

CPU, SECONDS, ROUNDS = torch.device("cpu"), 5, 3
ARMS = {
    "pulses": PulsesConfig(),
    "vocos": VocosConfig(),
    "hifigan V2": HifiganConfig(channels=128),
    "hifigan V1": HifiganConfig(),
}

# The peak is asked of /proc: rusage counts what the parent held when it forked.
PROGRAM = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from vocoder import vocoder
mel = np.random.default_rng(0).uniform(-8, 0, (int(sys.argv[2]) * 6000, 80)).astype(np.float32)
print(len(vocoder("pulses").wave(mel)))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def vocoder(arm: str) -> Vocoder:
    """Return a vocoder with random weights."""
    torch.manual_seed(0)
    network = build(ARMS[arm])
    return Vocoder(arm, network.fold() if isinstance(network, Hifigan) else network, CPU)


def measure(folder: Path) -> dict[str, Any]:
    """Return seconds of sound per second of work of every arm and of Griffin-Lim, and how memory grows."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    time = np.arange(SECONDS * RATE) / RATE
    wave = sum(0.1 / k * np.sin(2 * np.pi * k * (220 * time + 2 * np.sin(5 * time))) for k in range(1, 15))
    wave = (wave + 0.003 * np.random.default_rng(0).standard_normal(len(time))).astype(np.float32)
    mel = log_mel(torch.from_numpy(wave)[None])[0, : len(time) // HOP].numpy()
    bank, magnitudes = filter_bank(CPU).numpy().T, np.abs(librosa.stft(wave, n_fft=N_FFT, hop_length=HOP))

    def from_mel() -> np.ndarray:
        found = librosa.util.nnls(bank, np.exp(mel.T))
        return librosa.griffinlim(found, n_iter=ITERATIONS, hop_length=HOP, n_fft=N_FFT, random_state=0)

    def from_magnitudes() -> np.ndarray:
        return librosa.griffinlim(magnitudes, n_iter=ITERATIONS, hop_length=HOP, n_fft=N_FFT, random_state=0)

    contestants = {"librosa, from mel": from_mel, "librosa, from magnitudes": from_magnitudes}
    contestants |= {"our Griffin-Lim": lambda: griffin_lim(mel)}
    contestants |= {arm: partial(vocoder(arm).wave, mel) for arm in ARMS}
    seconds = take_turns(contestants, ROUNDS)
    torch.set_num_threads(threads)
    figures = {f"{name}, real-time factor": one / SECONDS for name, one in seconds.items()}
    peaks = {}
    for minutes in (1, 10):
        command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(minutes)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert int(answer[0]) == minutes * 60 * RATE
        peaks[minutes] = int(answer[1]) * 1024 / 1e6
        figures[f"pulses, peak memory, {minutes} min, MB"] = peaks[minutes]
    return {
        "figures": figures,
        "ratios": {
            "time pulses / librosa from mel": (seconds["pulses"] / seconds["librosa, from mel"], "<=", 0.5),
            "time pulses / librosa from magnitudes": (seconds["pulses"] / seconds["librosa, from magnitudes"], "<=", 1),
            "time vocos / librosa from magnitudes": (seconds["vocos"] / seconds["librosa, from magnitudes"], "<=", 1),
            "memory, 10 minutes / 1 minute": (peaks[10] / peaks[1], "<=", 1.25),
        },
    }
