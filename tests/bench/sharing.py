"""A store in a bucket: notes go up and come back, and are read from the copy beside the local store and memory.

The server is moto's, on loopback, unless S3_ENDPOINT names another one (`tests/tiny_s3.py` has the keys that it must
know). What is read is in the page cache for all contestants, as after the first epoch.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from contest import take_turns
from gathering import BATCH, BATCHES, ROUNDS, memory, orders_of, ours
from notes import write_part

sys.path.append(str(Path(__file__).resolve().parent.parent))
from tiny_s3 import KEYS, make_store, s3_server

from assets.store.pointers import Slot, get, publish
from assets.store.remote.shared import SharedStore
from assets.store.versions import Making, Recipe, make
from data.execution import Execution
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from data.shards.reader import Shards
from data.shards.writer import INDEX


def measure(folder: Path) -> dict[str, Any]:
    """Return MB per second to and from the server, notes per second of the contestants, and ratios."""
    part = write_part(folder)

    def work(place: Path, earlier: tuple[Path, ...]) -> dict[str, Any]:
        ingest(Execution(place), [Part(part.name, part)])
        return {}

    with s3_server() as endpoint:
        os.environ.update(KEYS, AWS_ENDPOINT_URL=endpoint)
        url, recipe = make_store(endpoint), Recipe("1", {}, {}, (INDEX,))
        local = make(Slot(folder / "1", "data", "notes"), recipe, Making(work, {})).folder
        size = sum(one.stat().st_size for one in local.rglob("*") if one.is_file()) / 1e6
        slots = [Slot(root, "data", "notes", remote=SharedStore(root, url, 10**12))
                 for root in (folder / "1", folder / "2")]  # fmt: skip
        start = time.perf_counter()
        publish(slots[0], make(slots[0], recipe, Making(work, {})).folder)
        up = time.perf_counter()
        copied = get(slots[1])
        down = time.perf_counter()
        get(slots[1])
        warm = time.perf_counter()
    shards = Shards(local)
    pcm = np.stack([shards.read(row)[:, 0] for row in range(len(shards))])
    seconds = take_turns(
        {
            "in-memory gather": memory(pcm, orders_of(len(shards))),
            "local store": ours(shards),
            "copy of the bucket": ours(Shards(copied)),
        },
        ROUNDS,
    )
    rate = {name: BATCH * BATCHES / one for name, one in seconds.items()}
    return {
        "figures": {
            **{f"{name}, notes/s": one for name, one in rate.items()},
            "shards, MB": size,
            "to the bucket, MB/s": size / (up - start),
            "from the bucket, MB/s": size / (down - up),
            "found again, ms": 1000 * (warm - down),
        },
        "ratios": {
            "copy / in-memory gather": (rate["copy of the bucket"] / rate["in-memory gather"], ">=", 0.5),
            "copy / local store": (rate["copy of the bucket"] / rate["local store"], ">=", 0.9),
        },
    }
