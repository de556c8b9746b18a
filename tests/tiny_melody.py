"""Tiny melody extractors, and sung clips of sines with exact melodies in the real on-disk formats."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from data.files.audio import to_pcm16
from data.shards.writer import Record, ShardWriter
from models.conversion.melody.config import EncoderConfig, ExtractorConfig, PitchConfig, SpectrumConfig

RATE, HOP = 16_000, 160
SPECTRUM = SpectrumConfig(low=110.0, octaves=2.0, resolution=12, windows=(1024,), harmonics=(1, 2, 3))
ENCODER = EncoderConfig(
    SPECTRUM, channels=8, kernel=3, narrow=4, features=32, blocks=2, heads=2, filters=32, width=3, reach=4, dropout=0.0
)
BINS = PitchConfig(form="bins", low=100.0, high=500.0, cents=50.0, blur=40.0)
EXTRACTOR = ExtractorConfig(
    features=32, blocks=1, heads=2, filters=32, width=3, reach=4, dropout=0.0, pitch=BINS
)  # fmt: skip


def sung(f0: np.ndarray, level: float = 0.3) -> np.ndarray:
    """A voice of four harmonics that follows F0 (N,) in Hz, 0 where it is silent: float32, (160·(N - 1),)."""
    points = np.repeat(f0[:-1], HOP)
    phase = 2 * np.pi * np.cumsum(points) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 5)) * level / 2
    return (wave * (points > 0)).astype(np.float32)


def melody_of(number: int, frames: int = 201) -> np.ndarray:
    """F0 of a clip, (N,): two notes with a rest between them."""
    draw = np.random.default_rng(number)
    first, second = 130 * 2 ** draw.uniform(0, 1.5, 2)
    f0 = np.full(frames, first)
    f0[frames // 2 :] = second
    f0[frames // 2 - 10 : frames // 2 + 10] = 0
    return f0


def target_of(f0: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """The record of a melody, (N, 3): F0 in Hz, ln of the RMS, voicing."""
    padded = np.pad(wave.astype(float) ** 2, (200, 200))
    power = np.array([padded[HOP * n : HOP * n + 400].mean() for n in range(len(f0))])
    energy = np.log(np.maximum(np.sqrt(power), 1e-5))
    return np.stack([f0, energy, f0 > 0], 1).astype(np.float32)


def write_voices(folder: Path, singers: dict[str, str], clips: int = 2) -> tuple[Path, Path]:
    """Write clips of singers (name to split), each over noise, as the shards of voices and of targets."""
    voices, targets, columns = ShardWriter(folder / "voices"), ShardWriter(folder / "targets"), {}
    for place, (singer, split) in enumerate(singers.items()):
        for number in range(clips):
            clip, f0 = f"{singer}-{number}", melody_of(10 * place + number)
            wave = sung(f0)
            noise = np.random.default_rng(number).standard_normal(len(wave)) * 0.05
            for part, sound in (("voice", wave), ("accompaniment", noise)):
                columns[f"{clip}-{part}"] = (clip, singer, split)
                voices.add(Record(f"{clip}-{part}", to_pcm16(sound[:, None]), RATE, part))
            columns[clip] = (clip, singer, split)
            targets.add(Record(clip, target_of(f0, wave), RATE / HOP, "target"))

    def annotate(rows: pa.Table) -> pa.Table:
        found = [columns[one] for one in rows["id"].to_pylist()]
        for place, name in enumerate(("clip", "singer", "split")):
            rows = rows.append_column(name, pa.array([one[place] for one in found], pa.string()))
        count = len(found)
        songs = [f"{one[1]}-song" for one in found]
        extra = {"song": songs, "language": [""] * count, "layout": ["folders"] * count, "f0_source": [""] * count}
        for name, values in extra.items():
            rows = rows.append_column(name, pa.array(values, pa.string()))
        return rows.append_column("bandwidth", pa.array([8000.0] * count))

    for writer in (voices, targets):
        writer.commit(annotate)
    return folder / "voices", folder / "targets"
