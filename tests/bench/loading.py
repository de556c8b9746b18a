"""Batches of remixed, resampled stretches of songs: what loaders gain, and how long a fast device waits for them.

The examples are those of the discriminative network in the preset `paper`: 16 examples of 4 s at 24 kHz in stereo, each
of vocals and accompaniment that are played at speeds of their own. The device is simulated: it takes no processor time,
and its step is a quarter longer than what the loaders at hand need for a batch. From the processor time of a batch
follows how many loaders any other device needs.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from contest import take_turns

from data.files.audio import to_pcm16
from data.musdb.segments import Mixing, Segments
from data.shards.loader import BatchPlan
from data.shards.reader import Shards
from data.shards.writer import Record, ShardWriter
from models.separation.presets import PRESETS

BATCHES, ROUNDS, SECONDS = 24, 3, 30
FAST_STEP = 0.040  # seconds, the expected step of the discriminative network on a fast GPU


def measure(folder: Path) -> dict[str, Any]:
    """Return the processor time of a batch, the gain of a loader per core, and how long a device waits."""
    segments, cores = _segments(folder), len(os.sched_getaffinity(0))

    def load(loaders: int) -> None:
        with segments.stream(0, BATCHES, loaders) as stream:
            for _ in stream:
                pass

    seconds = take_turns({"one": lambda: load(1), "several": lambda: load(cores)}, ROUNDS)
    start = time.process_time()
    load(0)
    each = (time.process_time() - start) / BATCHES
    step = 1.25 * seconds["several"] / BATCHES  # a fifth of the cores is left for the training
    return {
        "figures": {
            "processor time of a batch, s": each,
            "batches/s, one loader": BATCHES / seconds["one"],
            f"batches/s, {cores} loaders": BATCHES / seconds["several"],
            "step of the simulated device, s": step,
            "loaders for a step of 40 ms": each / FAST_STEP,
        },
        "ratios": {
            "gain per loader": (seconds["one"] / seconds["several"] / cores, ">=", 0.8),
            "data wait / step": (_wait(segments, cores, step), "<=", 0.03),
        },
    }


def _segments(folder: Path) -> Segments:
    """Return the source of batches, made of noise."""
    paper, draw = PRESETS["paper"], np.random.default_rng(0)
    writer, rate, channels = ShardWriter(folder / "songs"), paper.audio.sample_rate, paper.audio.channels
    for song in range(8):
        for source in ("vocals", "accompaniment"):
            wave = 0.1 * draw.standard_normal((SECONDS * rate, channels))
            writer.add(Record(f"{song}-{source}", to_pcm16(wave), rate, source))

    def annotate(rows: Any) -> Any:
        names = [one.split("-") for one in rows["id"].to_pylist()]
        columns = {
            "track": [song for song, _ in names],
            "source": [source for _, source in names],
            "split": ["train"] * len(names),
            "singing": [[True] * SECONDS] * len(names),
        }
        for name, values in columns.items():
            rows = rows.append_column(name, [values])
        return rows

    writer.commit(annotate)
    mixing = Mixing(paper.mask_segment, paper.remix, shift=paper.shift)
    return Segments(Shards(folder / "songs"), "train", BatchPlan(paper.train_mask_network.batch_size, 0), mixing)


def _wait(segments: Segments, loaders: int, step: float) -> float:
    """Return the share of the time that a device with such a step waits for batches, after the first."""
    waited = worked = 0.0
    with segments.stream(0, 2 * BATCHES, loaders) as stream:
        next(stream)
        for _ in range(2 * BATCHES - 1):
            begun = time.perf_counter()
            time.sleep(step)
            asked = time.perf_counter()
            next(stream)
            worked, waited = worked + asked - begun, waited + time.perf_counter() - asked
    return waited / (waited + worked)
