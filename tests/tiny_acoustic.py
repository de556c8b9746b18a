"""Tiny acoustic models and their training material, in the real on-disk format.

The mel spectrogram of the material is made of what the network is given: a colour of the singer, the first values of
the content, and the harmonics of F0. So there is something to learn, and it is known what.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.progress import Progress
from data.shards.units import Labelling, Unit, write_units
from data.shards.writer import Record
from models.conversion.acoustic.config import AcousticConfig, AcousticTraining, Adversaries, Adversary, Examples
from models.conversion.acoustic.features import record_id
from models.conversion.acoustic.template import Template
from models.conversion.melody.load import Melody
from models.training.config import FitConfig

EXTRACTED, CONTENT = 6, 5
SINGERS = {"ann": "train", "bob": "train", "cat": "train", "dan": "valid"}
CONFIG = AcousticConfig(
    extracted=EXTRACTED, content=CONTENT, features=16, content_blocks=1, melody_blocks=1, decoder_blocks=1, heads=2,
    filters=16, width=3, reach=8, dropout=0.0,
)  # fmt: skip
OFF = Adversaries(*[Adversary(weight=0.0)] * 3)
ON = Adversaries(*[Adversary(weight=0.1, start=0.5, rise=0.2, channels=4)] * 3)


def training(steps: int = 6, adversaries: Adversaries = OFF, **changes) -> AcousticTraining:
    """Settings of a tiny training, whose target singer is "ann"."""
    fit = FitConfig(steps, batch_size=4, learning_rate=3e-3, validate_every=steps, checkpoint_every=100, report_every=5)
    examples = Examples(frames=32, held_out=0.3, exact=0.5, free=0.1)
    return AcousticTraining(
        **{"acoustic": CONFIG, "fit": fit, "examples": examples, "adversaries": adversaries} | changes
    )


def melody_of(frames: int, seed: int = 0, features: int = EXTRACTED) -> Melody:
    """A melody that glides up and down an octave, with a rest at its end."""
    draw = np.random.default_rng(seed)
    voicing = (np.arange(frames) < 0.9 * frames).astype(np.float32)
    pitch = (200 * 2 ** (0.5 * np.sin(np.arange(frames) / 5 + draw.uniform(0, 6)))).astype(np.float32)
    energy = draw.uniform(-4, -2, frames).astype(np.float32)
    return Melody(pitch, energy, voicing, draw.standard_normal((frames, features)).astype(np.float32))


def colour(singer: int) -> np.ndarray:
    """The colour of a singer, (80,)."""
    return 1.5 * np.cos(np.arange(80) * (1 + singer) / 12)


def _parts(singer: int, number: int, count: int) -> dict[str, np.ndarray]:
    """The values of the parts of one copy of a clip of `count` content frames."""
    melody, draw = melody_of(4 * count, 10 * singer + number), np.random.default_rng([singer, number])
    content = draw.standard_normal((count, CONTENT))
    harmonics = Template()(torch.from_numpy(melody.f0[None]))[0].numpy()
    mel = -5 + colour(singer) + 0.5 * harmonics + np.repeat(content, 4, 0) @ np.eye(CONTENT, 80) * 0.5
    rest = np.stack([melody.f0, melody.energy - melody.energy.mean(), melody.voicing], 1)
    return {
        "melody": np.concatenate([melody.features, rest], 1).astype(np.float16),
        "content": content.astype(np.float16),
        "mel": mel.astype(np.float16),
        "pitch": rest.astype(np.float32),
    }


def write_material(folder: Path, clips: int = 4) -> Path:
    """Write the material of all singers, two copies of each clip, and return its folder."""
    labels, units = {}, []
    for place, (singer, split) in enumerate(SINGERS.items()):
        for number in range(clips):
            records = []
            for copy in ("clean", "copy1"):
                for part, values in _parts(place, number, 10 + number).items():
                    name = record_id(f"{singer}-{number}", copy, part)
                    labels[name] = (f"{singer}-{number}", singer, split, copy)
                    records.append(Record(name, values, 25 if part == "content" else 100, part))
            units.append(Unit(len(records), lambda records=records: records))

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        for place, name in enumerate(("clip", "singer", "split", "copy")):
            rows = rows.append_column(name, pa.array([one[place] for one in found], pa.string()))
        return rows

    progress = Progress("tiny", total=None, unit="records")
    write_units(folder, units, progress, Labelling(annotate, lambda writer: {"target": "ann"}))
    return folder
