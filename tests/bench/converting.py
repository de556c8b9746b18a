"""The melody extractor beside torchcrepe, and the memory of whole conversions, all with random weights.

Speed does not depend on the weights. The sizes are those of the preset small. torchcrepe runs as its users call it:
10 ms hop, Viterbi decoding, batches of 512 frames. Everything runs in one process, on one thread and in turns; memory
is measured in processes of their own.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchcrepe
from contest import take_turns

from models.conversion.acoustic.load import Acoustic
from models.conversion.acoustic.network import AcousticNetwork
from models.conversion.content.load import Content
from models.conversion.content.recogniser import Recogniser
from models.conversion.convert import Converter
from models.conversion.frames import HOP, RATE
from models.conversion.key import Range
from models.conversion.melody.encoder import HarmonicEncoder
from models.conversion.melody.extractor import ExtractorNetwork
from models.conversion.melody.load import Extractor
from models.conversion.presets import PRESETS
from models.conversion.vocoder.load import Vocoder
from models.conversion.vocoder.network import build

CPU, SECONDS, ROUNDS = torch.device("cpu"), 10, 3
LENGTHS = (10, 600)  # seconds

# The peak is asked of /proc: rusage counts what the parent held when it forked.
PROGRAM = """
import sys
from pathlib import Path
import numpy as np, soundfile
sys.path.insert(0, sys.argv[1])
from converting import converter
from models.conversion.files import read_song
song, seconds = Path(sys.argv[2]), int(sys.argv[3])
with soundfile.SoundFile(song, "w", 44_100, 2, "PCM_16") as file:
    for second in range(seconds):
        file.write(np.random.default_rng(second).uniform(-0.3, 0.3, (44_100, 2)))
print(len(converter().convert(read_song(song).wave).wave))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def extractor() -> Extractor:
    """Return the melody extractor of the preset small with random weights."""
    config = PRESETS["small"]
    torch.manual_seed(0)
    network = ExtractorNetwork(HarmonicEncoder(config.encoder.encoder), config.melody.extractor)
    return Extractor(network.eval().requires_grad_(False), CPU)


def converter() -> Converter:
    """Return the conversion system of the preset small with random weights."""
    config = PRESETS["small"]
    heard = extractor()
    content = Content(Recogniser(config.recogniser.recogniser, 64).eval().requires_grad_(False), CPU)
    network = AcousticNetwork(config.acoustic.acoustic, 2).eval().requires_grad_(False)
    acoustic = Acoustic(network, ("first", "second"), "first", CPU, {"first": Range(180, 240, 400)})
    vocoder = Vocoder(config.vocoder.arm, build(config.vocoder.generator).eval(), CPU)
    return Converter(heard, content, acoustic, vocoder)


def crepe(wave: np.ndarray, model: str) -> torch.Tensor:
    """Return the pitch that torchcrepe finds."""
    sound = torch.from_numpy(wave)[None]
    return torchcrepe.predict(sound, RATE, HOP, model=model, batch_size=512, device="cpu")


def measure(folder: Path) -> dict[str, Any]:
    """Return real-time factors of the extractor and of torchcrepe, and the memory of conversions by length."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    wave = np.random.default_rng(0).uniform(-0.3, 0.3, SECONDS * RATE).astype(np.float32)
    contestants = {"melody extractor": partial(extractor().melody, wave)}
    contestants |= {f"torchcrepe {size}": partial(crepe, wave, size) for size in ("tiny", "full")}
    seconds = take_turns(contestants, ROUNDS)
    torch.set_num_threads(threads)
    figures = {f"{name}, real-time factor": one / SECONDS for name, one in seconds.items()}
    peaks = {}
    for length in LENGTHS:
        command = [sys.executable, "-c", PROGRAM, str(Path(__file__).parent), str(folder / "song.wav"), str(length)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        assert int(answer[0]) == length * RATE
        peaks[length] = int(answer[1]) * 1024 / 1e6
        figures[f"convert, peak memory, {length} s, MB"] = peaks[length]
    shortest, longest = LENGTHS
    return {
        "figures": figures,
        "ratios": {
            "time, extractor / torchcrepe tiny": (seconds["melody extractor"] / seconds["torchcrepe tiny"], "<=", 1.0),
            "time, extractor / torchcrepe full": (seconds["melody extractor"] / seconds["torchcrepe full"], "<=", 0.2),
            "memory, 10 minutes / 10 s": (peaks[longest] / peaks[shortest], "<=", 2.0),
        },
    }
