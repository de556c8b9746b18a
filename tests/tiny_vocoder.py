"""Small shards of sung tones for the vocoder: voices as `data.voices` stores them, targets, mel spectrograms."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.files.audio import FULL_SCALE, to_pcm16
from data.shards.writer import Record, ShardWriter
from models.conversion.frames import HOP, RATE
from models.conversion.mel import log_mel
from models.conversion.vocoder.config import (
    ConvNextConfig,
    CopyConfig,
    DiscriminatorConfig,
    Examples,
    HifiganConfig,
    LossWeights,
    PulsesConfig,
    VocoderTraining,
    VocosConfig,
)
from models.training.config import FitConfig

STACK = ConvNextConfig(channels=16, filters=32, blocks=2, kernel=3)
SMALL_HIFIGAN = HifiganConfig(channels=16, blocks=(3, 5), dilations=(1, 2))
SMALL_VOCOS = VocosConfig(STACK)
SMALL_PULSES = PulsesConfig(filters=STACK, pitch=STACK)
FIT = FitConfig(steps=3, batch_size=2, learning_rate=1e-3, validate_every=3, report_every=1, checkpoint_every=1)
TINY = VocoderTraining(
    hifigan=SMALL_HIFIGAN,
    vocos=SMALL_VOCOS,
    pulses=SMALL_PULSES,
    discriminators=DiscriminatorConfig(periods=(2, 3), scales=2, narrower=64),
    weights=LossWeights(stft=1.0),
    examples=Examples(frames=16, shift=2.0, gain=(-6.0, 3.0)),
    fit=FIT,
    tune=FIT,
    validation=CopyConfig(clips=2, seconds=0.5),
)
CLIPS = {"a1": ("ann", "train"), "a2": ("ann", "train"), "b1": ("bob", "valid"), "c1": ("cat", "test")}


def sung(f0: np.ndarray) -> np.ndarray:
    """Return a voice of ten harmonics, float32 (160·N,), with F0 (N,) in Hz, silent where F0 is 0."""
    samples = np.arange(len(f0) * HOP)
    pitch = np.interp(samples, np.arange(len(f0)) * HOP, np.where(f0 > 0, f0, 200.0))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    loud = np.interp(samples, np.arange(len(f0)) * HOP, (f0 > 0).astype(float))
    return (0.2 * loud * sum(np.sin(k * phase) / k for k in range(1, 11))).astype(np.float32)


def melody(number: int, frames: int = 70) -> np.ndarray:
    """Return F0 in Hz, (N,): a note with vibrato, a rest at its end."""
    f0 = (180 + 40 * number) * 2 ** (0.3 / 12 * np.sin(2 * np.pi * 5 * np.arange(frames) / 100))
    f0[frames - 10 :] = 0
    return f0


def write_voices(folder: Path, *, predicted: bool = False) -> Path:
    """Write the clips of `CLIPS` with an F0 record each; with `predicted`, with a mel record instead."""
    writer = ShardWriter(folder)
    labels: dict[str, tuple[str, str]] = {}
    for number, name in enumerate(CLIPS):
        f0 = melody(number)
        pcm = to_pcm16(sung(f0)[:, None])
        writer.add(Record(f"{name}-voice", pcm, RATE, "voice"))
        labels[f"{name}-voice"] = (name, "voice")
        if predicted:
            mel = log_mel(torch.from_numpy(pcm[:, 0].astype(np.float32) / FULL_SCALE)[None])[0].numpy()
            writer.add(Record(f"{name}-mel", (mel + 0.1).astype(np.float16), 100, "mel"))
            labels[f"{name}-mel"] = (name, "mel")
        else:
            writer.add(Record(f"{name}-f0", np.stack([f0, f0 * 0 + 1], 1).astype(np.float32), 100, "f0"))
            labels[f"{name}-f0"] = (name, "f0")

    def annotate(rows: pa.Table) -> pa.Table:
        names = [labels[one][0] for one in rows["id"].to_pylist()]
        rows = rows.append_column("clip", pa.array(names))
        rows = rows.append_column("singer", pa.array([CLIPS[one][0] for one in names]))
        return rows.append_column("split", pa.array([CLIPS[one][1] for one in names]))

    writer.commit(annotate)
    return folder


def write_targets(folder: Path) -> Path:
    """Write the true F0 of the clips of `CLIPS` as the shards of targets hold it."""
    writer = ShardWriter(folder)
    for number, name in enumerate(CLIPS):
        f0 = melody(number)
        values = np.stack([f0, f0 * 0 - 3, f0 > 0], 1).astype(np.float32)
        writer.add(Record(name, np.concatenate([values, values[-1:]]), 100, "target"))
    writer.commit(lambda rows: rows.append_column("clip", rows["id"]))
    return folder
