"""Tiny shards of singing for tests: embedded singers of a few seconds with exact F0, with accompaniment of tones.

`make(folder)` writes three folders of shards: voices, targets and mixtures, in the formats of `data.voices`. The first
singers are of the split "train" (the first one is the target singer), the last but one is "valid" and the last "test".
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.embedded.singer import CONTROL_RATE, Sung, make_singer, sing
from data.files.audio import to_float, to_pcm16
from data.progress import Progress
from data.shards.units import Labelling, Unit, write_units
from data.shards.writer import Record
from data.voices.index import HOP, RATE, Label, frames_of, labelling, record_id

CONDITIONS = ("clean", "snr15", "snr10", "snr5", "snr0")
SYLLABLES = (("l", "a"), ("m", "i"), ("s", "o"), ("t", "e"), ("", "u"))


@dataclass(frozen=True)
class Paths:
    """Folders of the shards that `make` wrote."""

    voices: Path
    targets: Path
    mixtures: Path


@dataclass(frozen=True)
class Clip:
    """One tiny clip: wave and accompaniment (T,) float32, F0 in Hz with 0 where unvoiced (N,)."""

    id: str
    singer: str
    song: str
    split: str
    wave: np.ndarray
    accompaniment: np.ndarray
    f0: np.ndarray


def voice(singer: int, clip: int, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the wave (T,) float32 and the F0 in Hz (N,), 0 where unvoiced, of a short melody."""
    who, draw = make_singer(singer), np.random.default_rng([singer, clip])
    notes, start = [], 0.1
    while start < seconds - 0.45:
        length = min(float(draw.choice([0.3, 0.5, 0.8])), seconds - 0.35 - start)
        pitch = int(draw.integers(who.lowest + 3, who.highest - 2))
        notes.append(Sung(start, length * 0.95, pitch, *SYLLABLES[draw.integers(len(SYLLABLES))]))
        start += length + (0.25 if draw.random() < 0.2 else 0.0)
    sung = sing(notes, who, RATE, seed=100 * singer + clip)
    samples = round(seconds * RATE)
    wave = np.pad(sung.wave, (0, max(0, samples - len(sung.wave))))[:samples].astype(np.float32)
    control = np.arange(frames_of(samples)) * HOP * CONTROL_RATE // RATE
    inside = control < len(sung.hertz)
    control = np.minimum(control, len(sung.hertz) - 1)
    return 0.6 * wave, np.where(inside & sung.voiced[control], sung.hertz[control], 0.0).astype(np.float32)


def band(seed: int, samples: int) -> np.ndarray:
    """Return an accompaniment, (T,) float32: chords of decaying tones and noisy beats."""
    draw, time = np.random.default_rng([seed, 99]), np.arange(samples) / RATE
    beat = np.mod(time, 0.5)
    root = 110 * 2 ** (draw.integers(12) / 12)
    chord = sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (1, 1.25, 1.5, 2, 3))
    return (0.08 * chord * np.exp(-beat / 0.3) + 0.1 * draw.standard_normal(samples) * np.exp(-beat / 0.03)).astype(
        np.float32
    )


def make_clips(singers: int, clips: int, seconds: float) -> list[Clip]:
    """Return the clips of all singers."""
    found = []
    for number in range(singers):
        split = {singers - 1: "test", singers - 2: "valid"}.get(number, "train")
        for clip in range(clips):
            wave, f0 = voice(number, clip, seconds)
            accompaniment = band(10 * number + clip, len(wave))
            name = f"singer{number}-{clip}"
            found.append(Clip(name, f"singer{number}", f"song{number}", split, wave, accompaniment, f0))
    return found


def log_energy(wave: np.ndarray) -> np.ndarray:
    """Return the natural logarithm of the RMS in 25 ms around each frame, (N,)."""
    padded = np.pad(wave.astype(np.float64), 200)
    window = np.hanning(402)[1:-1]
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400)[::HOP][: frames_of(len(wave))]
    return np.log(np.maximum(np.sqrt(np.square(frames) @ window / window.sum()), 1e-5))


def write_voices(folder: Path, clips: list[Clip]) -> Path:
    """Write the voices shards, and return their folder."""
    labels, units = {}, []
    for one in clips:
        known = np.stack([one.f0, np.ones_like(one.f0)], 1).astype(np.float32)
        parts = {
            "voice": to_pcm16(one.wave)[:, None],
            "accompaniment": to_pcm16(one.accompaniment)[:, None],
            "f0": known,
        }
        records = [
            Record(record_id(one.id, part), values, 100 if part == "f0" else RATE, part)
            for part, values in parts.items()
        ]
        label = Label(one.id, one.singer, one.song, "", one.split, "embedded", 8000.0, RATE, "exact")
        labels |= dict.fromkeys([record.id for record in records], label)
        units.append(Unit(len(records), lambda records=records: records))
    target = np.concatenate([one.f0[one.f0 > 0] for one in clips if one.singer == "singer0"])
    metadata = {"target": "singer0", "target_f0": np.percentile(target, [5, 50, 95]).tolist()}
    progress = Progress("tiny voices", total=None, unit="records")
    write_units(folder, units, progress, Labelling(labelling(labels), lambda writer: metadata))
    return folder


def _write(folder: Path, rows: list[tuple[Record, dict[str, str]]]) -> Path:
    """Write records with text columns as shards, and return their folder."""
    columns = {record.id: texts for record, texts in rows}

    def annotate(table: pa.Table) -> pa.Table:
        found = [columns[one] for one in table["id"].to_pylist()]
        for name in rows[0][1]:
            table = table.append_column(name, pa.array([one[name] for one in found], pa.string()))
        return table

    units = [Unit(1, lambda record=record: [record]) for record, _ in rows]
    write_units(folder, units, Progress("tiny", total=None, unit="records"), Labelling(annotate))
    return folder


def write_targets(folder: Path, clips: list[Clip]) -> Path:
    """Write the targets shards with the exact F0, and return their folder."""
    rows = []
    for one in clips:
        energy = log_energy(to_float(to_pcm16(one.wave)))
        values = np.stack([one.f0, energy, one.f0 > 0], 1).astype(np.float32)
        texts = {"clip": one.id, "singer": one.singer, "split": one.split, "tracker": "exact"}
        rows.append((Record(one.id, values, 100, "target"), texts))
    return _write(folder, rows)


def write_mixtures(folder: Path, clips: list[Clip]) -> Path:
    """Write the evaluation mixtures of the clips of the splits "valid" and "test", and return their folder."""
    rows = []
    for one in (clip for clip in clips if clip.split != "train"):
        sung = np.repeat(one.f0 > 0, HOP)[: len(one.wave)]
        voice, other = (np.sqrt(np.square(wave[sung].astype(float)).mean()) for wave in (one.wave, one.accompaniment))
        for condition in CONDITIONS:
            gain = 0.0 if condition == "clean" else voice / other * 10 ** (-float(condition[3:]) / 20)
            mixed = 10 ** (-23 / 20) / voice * (one.wave + gain * one.accompaniment)
            mixed /= max(1.0, np.abs(mixed).max())
            texts = {"clip": one.id, "singer": one.singer, "song": one.song, "split": one.split}
            texts |= {"condition": condition, "accompaniment": "" if condition == "clean" else one.id}
            record = Record(f"{one.id}-{condition}", to_pcm16(mixed)[:, None], RATE, "mixture")
            rows.append((record, texts | {"genre": "" if condition == "clean" else "embedded"}))
    return _write(folder, rows)


def make(folder: Path, singers: int = 4, clips: int = 3, seconds: float = 2.0) -> Paths:
    """Write voices, targets and mixtures of `singers` singers with `clips` clips each, and return their folders."""
    made = make_clips(singers, clips, seconds)
    return Paths(
        write_voices(folder / "voices", made),
        write_targets(folder / "targets", made),
        write_mixtures(folder / "mixtures", made),
    )
