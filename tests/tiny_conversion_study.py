"""A conversion study of short harmonic tones with known F0, made by the real code: shards and scores.

A converted voice has the harmonics of its singer and the F0 of the source, shifted in key, with a wobble whose depth is
known: a wobble of `depth` cents has a key-free F0RMSE of depth / √2. A melody has a known share of frames that are 100
cents off, so its raw pitch accuracy is one less that share.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from tiny_voices import CONDITIONS, Clip, write_mixtures, write_targets, write_voices

from data.execution import Execution
from data.files.audio import to_pcm16
from data.progress import Progress
from data.shards.units import Labelling, Unit, write_units
from data.shards.writer import Item, Record, Rejection
from eval.conversion.acceptance import Bounds
from eval.conversion.judges import Judges
from eval.conversion.melody_score import score_melodies
from eval.conversion.report_input import Folders, Study
from eval.conversion.score import ConversionInputs, score_converted
from eval.conversion.studies import Studies
from eval.conversion.vocoder_score import score_vocoders
from eval.metrics.speaker import SpeakerEncoder

RATE, HOP = 16_000, 160
TARGET = "singer0"  # the name that `tiny_voices.write_voices` gives the target singer
EVIL = "<script>alert(1)</script> $x$_%&"
SHIFT = 300.0  # cents by which the systems shift the key
SPLITS = {TARGET: "train", "singer1": "train", "v": "valid", "t": "test"}
HARMONICS = {
    TARGET: (1.0, 0.1, 0.1, 0.5), "singer1": (0.3, 1.0, 0.2, 0.1), "v": (0.5, 0.5, 0.5, 0.5),
    "t": (0.9, 0.1, 0.8, 0.1),
}  # fmt: skip
LOST = ("crepe", "t-1", "snr0")  # what one system could not convert

# Depth in cents of the wobble of each system in each condition, clean to 0 dB.
DEPTHS: dict[str, dict[str, float]] = {
    "proposed": dict(zip(CONDITIONS, (20.0, 20.0, 21.0, 21.0, 22.0), strict=True)),
    "original": dict(zip(CONDITIONS, (18.0, 40.0, 80.0, 120.0, 200.0), strict=True)),
    "crepe": dict(zip(CONDITIONS, (18.0, 30.0, 60.0, 90.0, 150.0), strict=True)),
}
# Share of voiced frames that are off in the melody of each system in each condition.
OFF: dict[str, dict[str, float]] = {
    "proposed": dict(zip(CONDITIONS, (0.02, 0.03, 0.04, 0.06, 0.1), strict=True)),
    "swift-f0": dict(zip(CONDITIONS, (0.02, 0.05, 0.1, 0.2, 0.4), strict=True)),
    "crepe-tiny": dict(zip(CONDITIONS, (0.05, 0.1, 0.2, 0.3, 0.5), strict=True)),
}


def melody(number: int, seconds: float = 1.0) -> np.ndarray:
    """Return F0 in Hz on the melody grid, (N,), 0 where unvoiced: two notes between silences."""
    count = 1 + int(seconds * RATE) // HOP
    first = 200.0 * 2 ** (number % 5 / 12)
    f0 = np.zeros(count, np.float32)
    f0[15 : count // 2], f0[count // 2 : count - 15] = first, first * 2 ** (4 / 12)
    return f0


def sing(f0: np.ndarray, harmonics: tuple[float, ...], cents: np.ndarray | float = 0.0) -> np.ndarray:
    """Return a voice, (T,) float32, of this F0 (N,), moved by `cents`; silent where unvoiced."""
    samples = (len(f0) - 1) * HOP
    place = np.minimum(np.arange(samples) // HOP, len(f0) - 1)
    moved = f0 * 2 ** (np.broadcast_to(cents, f0.shape) / 1200)
    phase = 2 * np.pi * np.cumsum(moved[place]) / RATE
    wave = sum(weight * np.sin((k + 1) * phase) for k, weight in enumerate(harmonics))
    gate = np.convolve(f0[place] > 0, np.hanning(320) / np.hanning(320).sum(), mode="same")
    return (0.15 * wave * gate).astype(np.float32)


def wobble(f0: np.ndarray, depth: float) -> np.ndarray:
    """Return a wobble of four cycles a second in cents, (N,)."""
    return depth * np.sin(2 * np.pi * 4 * np.arange(len(f0)) / 100)


def stretch(clip: Clip) -> float:
    """Return by how much the errors of a clip are larger than those of the first clip of its singer: 5 % a clip."""
    return 1 + 0.05 * int(clip.id[-1])


def make_clips() -> list[Clip]:
    """Return two clips of each training and validation singer and seven of the test singer, each another song."""
    found = []
    for singer, split in SPLITS.items():
        for number in range(7 if split == "test" else 2):
            f0 = melody(number)
            wave = sing(f0, HARMONICS[singer])
            noise = np.random.default_rng(number).standard_normal(len(wave)).astype(np.float32) * 0.05
            found.append(Clip(f"{singer}-{number}", singer, f"song {number} {EVIL}", split, wave, noise, f0))
    return found


def write_labelled(folder: Path, items: list[tuple[Item, dict[str, Any]]]) -> Path:
    """Write records (or rejections) with label columns as shards, and return their folder."""
    labels = {item.id: told for item, told in items}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        for name in items[0][1]:
            rows = rows.append_column(name, pa.array([one[name] for one in found]))
        return rows

    units = [Unit(1, lambda item=item: [item]) for item, _ in items]
    write_units(folder, units, Progress("tiny", total=None, unit="records"), Labelling(annotate))
    return folder


def held_out(clips: list[Clip]) -> list[tuple[Clip, str]]:
    """Return the clips that are not trained on with their conditions: all for tests, two for validation."""
    conditions = {"test": CONDITIONS, "valid": ("clean", "snr0"), "train": ()}
    return [(clip, condition) for clip in clips for condition in conditions[clip.split]]


def convert(folder: Path, clips: list[Clip]) -> Path:
    """Write what each system makes of the clips that are not trained on; the source is copied when it is clean."""
    items: list[tuple[Item, dict[str, Any]]] = []
    for clip, condition in held_out(clips):
        sung = {
            name: sing(clip.f0, HARMONICS[TARGET], SHIFT + wobble(clip.f0, by[condition] * stretch(clip)))
            for name, by in DEPTHS.items()
        }
        for system, wave in {**sung, **({"copy_source": clip.wave} if condition == "clean" else {})}.items():
            name = f"{system}-{clip.id}-{condition}"
            told = {"system": system, "clip": clip.id, "condition": condition, "singer": clip.singer}
            told |= {"split": clip.split, "shift_cents": 0.0 if system == "copy_source" else SHIFT}
            made: Item = Record(name, to_pcm16(wave[:, None]), RATE, system)
            if (system, clip.id, condition) == LOST:
                made = Rejection(name, "nothing was voiced", system)
            items.append((made, told))
    return write_labelled(folder, items)


def find_melodies(folder: Path, clips: list[Clip]) -> Path:
    """Write the melodies that each system finds: a share of the voiced frames is 100 cents too high."""
    items: list[tuple[Item, dict[str, Any]]] = []
    for clip, condition in held_out(clips):
        for system, by in OFF.items():
            f0, voiced = clip.f0.copy(), np.flatnonzero(clip.f0 > 0)
            f0[voiced[: round(by[condition] * stretch(clip) * len(voiced))]] *= np.float32(2 ** (100 / 1200))
            values = np.stack([f0, f0 > 0], 1).astype(np.float32)
            told = {"system": system, "clip": clip.id, "condition": condition, "singer": clip.singer}
            record = Record(f"{system}-{clip.id}-{condition}", values, 100, system)
            items.append((record, told | {"split": clip.split}))
    return write_labelled(folder, items)


def copy(folder: Path, clips: list[Clip]) -> Path:
    """Write copies of the recordings by two vocoders: one nearly exact, Griffin-Lim with noise and a wobble."""
    items: list[tuple[Item, dict[str, Any]]] = []
    for clip in (one for one in clips if one.split != "train"):
        noise = np.random.default_rng(1).standard_normal(len(clip.wave)).astype(np.float32)
        rough = sing(clip.f0, HARMONICS[clip.singer], wobble(clip.f0, 150.0)) + 0.01 * noise
        for system, wave in {"vocos": clip.wave + 0.0005 * noise, "griffin_lim": rough}.items():
            record = Record(f"{system}-{clip.id}", to_pcm16(wave[:, None]), RATE, system)
            items.append((record, {"system": system, "clip": clip.id}))
    return write_labelled(folder, items)


def spectrum_of(wave: np.ndarray) -> np.ndarray:
    """Return the shape of the harmonics of a voice, (4,): a toy speaker embedding that does not depend on the key."""
    size = 1024
    frames = wave[: len(wave) // size * size].reshape(-1, size)
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    loud = power.sum(1) > 0.1 * power.sum(1).max()
    total = np.zeros(4)
    for one in power[loud]:
        strong = np.flatnonzero(one > 0.003 * one.max())
        first = float(strong[0] + 1.5)
        for k in range(4):
            low, high = int((k + 0.6) * first), int((k + 1.4) * first) + 1
            total[k] += one[low:high].sum()
    return np.sqrt(total)


TOY = SpeakerEncoder("harmonics (toy)", spectrum_of)


@dataclass(frozen=True)
class Scored:
    """Folders of shards and score tables of the tiny study."""

    folders: Folders
    copies: Path
    scores: pd.DataFrame
    melody: pd.DataFrame
    vocoder: pd.DataFrame
    embeddings: pd.DataFrame


def make_shards(folder: Path) -> tuple[Folders, Path]:
    """Write all shards of the study, and return their folders and that of the copies."""
    clips = make_clips()
    return Folders(
        write_voices(folder / "voices", clips),
        write_targets(folder / "targets", clips),
        write_mixtures(folder / "mixtures", clips),
        [convert(folder / "converted", clips)],
        [find_melodies(folder / "melodies", clips)],
    ), copy(folder / "copies", clips)


def judge(folder: Path, patch: Callable[..., None]) -> Scored:
    """Make the study below `folder` and score it, with a toy speaker encoder in place of a real one.

    Args:
        folder: an empty folder.
        patch: `setattr` of a `pytest.MonkeyPatch`.
    """
    folders, copies = make_shards(folder)
    patch("eval.conversion.voices.load_speaker_encoder", lambda path: TOY)
    inputs = ConversionInputs(folders.converted[0], folders.mixtures, folders.voices, folders.targets)
    score_converted(Execution(folder / "scores"), inputs, Judges(speaker=Path("toy")))
    score_melodies(Execution(folder / "melody"), folders.melodies[0], folders.mixtures, folders.voices, folders.targets)
    score_vocoders(Execution(folder / "vocoder"), copies, folders.voices)
    return Scored(
        folders,
        copies,
        pd.read_parquet(folder / "scores" / "scores.parquet"),
        pd.read_parquet(folder / "melody" / "melody_scores.parquet"),
        pd.read_parquet(folder / "vocoder" / "vocoder_scores.parquet"),
        pd.read_parquet(folder / "scores" / "embeddings.parquet"),
    )


def make_study(scored: Scored) -> Study:
    """Return a study without optional parts but the melody and the vocoder."""
    return Study(
        scored.folders,
        scored.scores,
        Bounds(),
        {"data": f"embedded singers {EVIL}", "preset": "demo"},
        scored.melody,
        scored.vocoder,
    )


def with_everything(study: Study, scored: Scored) -> Study:
    """Return the study with every optional part, small and made up of its own scores."""
    mine = study.melody[study.melody["system"] == "proposed"]
    made = study.scores[study.scores["system"] == "proposed"]
    grid = [
        mine.assign(encoder="own", layers=layers, fft=fft, tuned=tuned)
        for layers in ("sum", "last") for fft in (True, False) for tuned in (True, False)
    ]  # fmt: skip
    weights = [
        {"encoder": "own", "stage": stage, "layer": layer, "weight": (layer + 1) / 6 if stage == "after" else 1 / 3}
        for stage in ("before", "after") for layer in range(3)
    ]  # fmt: skip
    worse = made.assign(f0_rmse_cents_keyfree=1.5 * made["f0_rmse_cents_keyfree"])
    variants = pd.concat([made.assign(variant="all three"), worse.assign(variant=EVIL)], ignore_index=True)
    history = pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.0], "valid_loss": [np.nan, 1.5], "seconds": [30.0, 60.0]})
    lengths = [mine.assign(steps=steps, content_error=steps / 1e4) for steps in (1000, 5000)]
    return replace(
        study,
        embeddings=scored.embeddings,
        studies=Studies(
            ablation=pd.concat(grid, ignore_index=True),
            layer_weights=pd.DataFrame(weights),
            lengths=pd.concat(lengths, ignore_index=True),
            freezing=variants,
            genres=pd.concat([mine.assign(heard=True), mine.assign(heard=False, genre=EVIL)], ignore_index=True),
            discriminators=variants,
            targets=pd.concat([made, made.assign(target="singer1")], ignore_index=True),
        ),
        histories={"acoustic": history},
        cost={
            "device": "CPU",
            "threads": 2.0,
            "stages": {
                "melody extractor": {"real_time_factor": 0.05},
                "whole": {
                    "real_time_factor": 0.3,
                    "first_sound_seconds": 1.5,
                    "first_sound_of_seconds": 60,
                    "memory": {"10": 300.0, "600": 330.0},
                },
            },
        },
        champions=[{"model": "0123456789abcdef", "commit": "abc", "criteria": {"in_tune": 20.0, "robust": None}}],
        in_use=study.scores,
    )
