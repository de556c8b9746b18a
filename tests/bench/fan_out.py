"""How ingest grows with processes: measured with one and two, simulated from these costs to many.

    python tests/bench/fan_out.py FOLDER [--tracks 16] [--rounds 2] [--hours 10000] [--bandwidth 1.0]

FOLDER holds MUSDB18 tracks, or notes in NSynth's form, or is an archive of them. Tracks are ingested in groups, notes
in ranges, by one and by two processes, in turn; seconds of processors and of the clock, and bytes written, are those of
the whole; "alone" are the seconds of a processor that the process takes which reads, deals out and writes.

The simulation of songs deals groups of tracks of four minutes, as their
hash does, to workers that take the next group when they are free. All workers write to one storage of a given
bandwidth, in GB a second. The bottleneck of a row is what takes longest: processors, the largest group that one worker
has to work on alone, or the storage. Of notes, what one process does alone takes the place of the largest group. No
processor is shared there, and every worker has its own.
"""

import argparse
import json
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from assets.provenance import commit
from data import processes
from data.execution import Execution
from data.musdb.dataset import GROUPS, Track, find_tracks
from data.musdb.tracks import group_folders, ingest_groups
from data.nsynth.dataset import FRAMES, SAMPLE_RATE, Part, find_parts
from data.nsynth.ingest import ingest
from data.shards.reader import Shards

TRACK_HOURS = 4 / 60
WORKERS = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Cost:
    """What an hour of songs costs: processor seconds, and bytes written."""

    seconds: float
    size: float


def ingest_songs(tracks: list[Track], execution: Execution) -> float:
    """Ingest tracks, and return the hours of songs."""
    ingest_groups(execution, tracks)
    songs = [Shards(one).table for one in group_folders(execution.folder)]
    return sum(sum(one["frames"].to_pylist()) for one in songs) / 5 / 44_100 / 3600


def ingest_notes(parts: list[Part], execution: Execution) -> float:
    """Ingest parts of NSynth, and return the hours of notes."""
    ingest(execution, parts)
    return len(Shards(execution.folder)) * FRAMES / SAMPLE_RATE / 3600


def measure(work: Callable[[Execution], float], workers: int) -> dict[str, float]:
    """Ingest, and return seconds of the clock and of processors, hours of sound, and bytes."""
    with tempfile.TemporaryDirectory() as folder:
        before, started = _processor_seconds(), time.perf_counter()
        hours = work(Execution(Path(folder), workers=workers))
        seconds, busy = time.perf_counter() - started, _processor_seconds()
        size = sum(one.stat().st_size for one in Path(folder).rglob("*") if one.is_file())
    alone, others = (now - then for now, then in zip(busy, before, strict=True))
    return {"workers": workers, "clock": seconds, "processors": alone + others, "alone": alone, "hours": hours,
            "bytes": size}  # fmt: skip


def _processor_seconds() -> tuple[float, float]:
    """Return the processor seconds of this process, and of those that it has waited for."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime


def simulate_notes(cost: Cost, alone: float, hours: float, workers: int, bandwidth: float) -> dict[str, float | str]:
    """Return the hours that an ingest of notes takes by each limit, and which one counts.

    Args:
        cost: of an hour of notes.
        alone: seconds of an hour of notes in which one process reads, deals out and writes.
        hours: hours of notes.
        workers: number of workers.
        bandwidth: bytes a second that the storage takes.
    """
    storage = hours * cost.size / bandwidth / 3600
    limits = {"processors": cost.seconds * hours / 3600 / workers, "alone": alone * hours / 3600, "storage": storage}
    longest = max(limits, key=lambda name: limits[name])
    return {"workers": workers, **limits, "hours": limits[longest], "bottleneck": longest}


def simulate(cost: Cost, hours: float, workers: int, groups: int, bandwidth: float) -> dict[str, float | str]:
    """Return the hours that an ingest takes by each limit, and which one counts.

    Args:
        cost: of an hour of songs.
        hours: hours of songs.
        workers: number of workers.
        groups: number of groups.
        bandwidth: bytes a second that the storage takes.
    """
    draw, sizes = random.Random(0), [0.0] * groups
    for _ in range(round(hours / TRACK_HOURS)):
        sizes[draw.randrange(groups)] += TRACK_HOURS * cost.seconds / 3600
    free = [0.0] * workers
    for size in sizes:  # as `map_in_order` does: whoever is free takes the next one
        place = free.index(min(free))
        free[place] += size
    limits = {"processors": sum(sizes) / workers, "groups": max(free), "storage": hours * cost.size / bandwidth / 3600}
    longest = max(limits.values())
    # Dealing out groups counts as the bottleneck only where it costs more than a tenth.
    even = limits["groups"] <= 1.1 * limits["processors"]
    named = "storage" if limits["storage"] == longest else "processors" if even else "groups"
    return {"workers": workers, "groups_number": groups, **limits, "hours": longest, "bottleneck": named}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tracks", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--hours", type=float, default=10_000)
    parser.add_argument("--bandwidth", type=float, default=1.0)
    given = parser.parse_args()
    processes._WORTHWHILE = 0.0
    notes = given.folder.is_file() or (given.folder / "examples.json").is_file()
    work = (
        partial(ingest_notes, find_parts(str(given.folder)))
        if notes
        else partial(ingest_songs, find_tracks(given.folder)[: given.tracks])
    )
    rows = [measure(work, workers) for workers in (1, 2) * given.rounds]
    best = min((row for row in rows if row["workers"] == 1), key=lambda row: row["processors"])
    cost = Cost(best["processors"] / best["hours"], best["bytes"] / best["hours"])
    alone = min(row["alone"] / row["hours"] for row in rows if row["workers"] == 2)
    simulated = [
        simulate_notes(cost, alone, given.hours, workers, given.bandwidth * 1e9)
        if notes
        else simulate(cost, given.hours, workers, groups, given.bandwidth * 1e9)
        for groups in ((0,) if notes else (len(GROUPS), 16 * len(GROUPS)))
        for workers in WORKERS
    ]
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "commit": commit()}
    print(json.dumps({"machine": machine, "measured": rows, "simulated": simulated}, indent=1))


if __name__ == "__main__":
    main()
