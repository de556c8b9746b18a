"""Random reads as float32 batches of 64: our shards, memory, and what others keep sound in.

Every contestant gives the same number of batches of the same notes in random order; the files are
in the page cache for all of them, as they are after the first epoch. What a peer needs to set up
once (open an index, start a stream) is not counted.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import datasets
import litdata
import numpy as np
import soundfile
import torch
import webdataset
from contest import take_turns
from gathering import BATCH, BATCHES, ROUNDS, memory, orders_of, ours
from notes import write_part

from data.execution import Execution
from data.nsynth.dataset import FRAMES, Part
from data.nsynth.ingest import ingest
from data.shards.reader import Shards


def measure(folder: Path) -> dict[str, Any]:
    """Return notes per second of every contestant and the ratios asked for."""
    part = write_part(folder)
    ingest(Execution(folder / "shards"), [Part(part.name, part)])
    shards = Shards(folder / "shards")
    pcm = np.stack([shards.read(row)[:, 0] for row in range(len(shards))])
    orders = orders_of(len(shards))
    contestants: dict[str, Callable[[], object]] = {
        "in-memory gather": memory(pcm, orders),
        "our shards": ours(shards),
        "loose WAV, soundfile": _loose(part, orders),
        "HF datasets": _arrow(pcm, orders),
        "WebDataset": _webdataset(folder / "shards"),
        "litdata": _litdata(pcm, folder / "litdata"),
    }
    seconds = take_turns(contestants, ROUNDS)
    rate = {name: BATCH * BATCHES / one for name, one in seconds.items()}
    peers = {"HF datasets": 3, "WebDataset": 3, "loose WAV, soundfile": 3, "litdata": 10}
    ratios = {"ours / in-memory gather": (rate["our shards"] / rate["in-memory gather"], ">=", 0.6)}
    ratios |= {f"ours / {name}": (rate["our shards"] / rate[name], ">=", bound) for name, bound in peers.items()}
    return {"figures": {f"{name}, notes/s": one for name, one in rate.items()}, "ratios": ratios}


def _loose(part: Path, orders: Iterator[np.ndarray]) -> Callable[[], None]:
    """Read a WAV file a note."""
    paths = sorted(str(path) for path in (part / "audio").iterdir())

    def work() -> None:
        for _ in range(BATCHES):
            batch = torch.empty(BATCH, FRAMES)
            for row, number in enumerate(next(orders)):
                batch[row] = torch.from_numpy(soundfile.read(paths[number], dtype="float32")[0])

    return work


def _arrow(pcm: np.ndarray, orders: Iterator[np.ndarray]) -> Callable[[], None]:
    """Index a Hugging Face data set whose rows are arrays of int16."""
    features = datasets.Features({"pcm": datasets.List(datasets.Value("int16"), length=FRAMES)})
    kept = datasets.Dataset.from_dict({"pcm": list(pcm)}, features=features).with_format("numpy")

    def work() -> None:
        for _ in range(BATCHES):
            torch.from_numpy(np.stack(kept[next(orders)]["pcm"])).float().div_(32768)

    return work


def _webdataset(shards: Path) -> Callable[[], None]:
    """Stream our own TAR shards through WebDataset with a shuffle buffer."""
    urls = [str(path) for path in sorted(shards.glob("*.tar"))]

    def note(sample: dict[str, Any]) -> torch.Tensor:
        raw = next(value for name, value in sample.items() if isinstance(value, bytes) and len(value) >= 2 * FRAMES)
        return torch.frombuffer(bytearray(raw[-2 * FRAMES :]), dtype=torch.int16).float().div_(32768)

    stream = webdataset.WebDataset(urls, shardshuffle=len(urls)).repeat().shuffle(256).map(note)
    batches = iter(stream.batched(BATCH, torch.stack))

    def work() -> None:
        for _ in range(BATCHES):
            next(batches)

    return work


def _litdata(pcm: np.ndarray, folder: Path) -> Callable[[], None]:
    """Stream chunks written by litdata, shuffled."""
    writer = litdata.streaming.cache.Cache(str(folder), chunk_bytes="64MB")
    for number, one in enumerate(pcm):
        writer[number] = one
    writer.done()
    writer.merge()
    loader = litdata.StreamingDataLoader(
        litdata.StreamingDataset(str(folder), shuffle=True), batch_size=BATCH, num_workers=0
    )

    def endless() -> Iterator[torch.Tensor]:
        while True:
            yield from loader

    batches = endless()

    def work() -> None:
        for _ in range(BATCHES):
            next(batches).float().div_(32768)

    return work
