"""Time, memory, descriptors and disk of ingest, leak checks, loaders and judges at growing sizes.

    python tests/bench/full_size.py notes 3000 30000 306000
    python tests/bench/full_size.py songs 5 25 150
    python tests/bench/full_size.py minutes 1 2 4

Notes are NSynth with real headers and short sound: a part as an archive, with 8,000 samples a note instead of 64,000,
in shards that are as much smaller, so that their number is that of the full size. Songs are MUSDB18-HQ with 10 s a
song; `minutes` is one song of that length as a `.stem.mp4`, so both directions of growth are seen. No two recordings
are alike. Every step runs in a process of its own that may open 256 files: seconds of processor time, peak resident
memory, shards that are open at its end, and bytes that it left on disk.
"""

import argparse
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import tiny

from assets.provenance import commit
from data.execution import Execution
from data.files.audio import encode
from data.musdb.dataset import SOURCES, locate
from data.musdb.leaks import songs_in_two_splits
from data.musdb.segments import Mixing, Segments
from data.musdb.tracks import ingest_tracks
from data.musdb.vocals import resample_songs
from data.nsynth import dataset, leaks
from data.nsynth import ingest as ingesting
from data.shards.loader import Batches, BatchPlan
from data.shards.reader import Shards, find_damage
from data.shards.writer import SHARD_BYTES

SAMPLES, SONG_SECONDS, JUDGED, BATCHES = 8_000, 10, 32, 200
Step = Callable[[Path, int], object]


def write_archive(folder: Path, count: int) -> None:
    """Write an archive of `count` notes."""
    draw = np.random.default_rng(0)
    time = np.arange(SAMPLES) / dataset.SAMPLE_RATE
    waves = [
        (8000 * np.sin(2 * np.pi * hertz * time) * np.exp(-4 * time)).astype(np.int16) for hertz in range(200, 264)
    ]
    described = {}
    path = folder / "nsynth-train.jsonwav.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1, format=tarfile.GNU_FORMAT) as archive:

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(f"nsynth-train/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

        for number in range(count):
            instrument, rest = divmod(number, 5 * 88)
            one = tiny.note_metadata(number, instrument, 21 + rest // 5, dataset.VELOCITIES[rest % 5])
            described[one["note_str"]] = one
            pcm = waves[number % len(waves)].copy()
            pcm[-24:] = draw.integers(-99, 99, 24)
            add(f"audio/{one['note_str']}.wav", encode(pcm, dataset.SAMPLE_RATE, "WAV"))
        add("examples.json", json.dumps(described).encode())


def ingest_notes(folder: Path, count: int) -> object:
    """Ingest the archive."""
    ingesting.FRAMES = SAMPLES
    part = dataset.Part("nsynth-train", folder / "nsynth-train.jsonwav.tar.gz")
    ingesting.ingest(Execution(folder / "shards"), [part], SHARD_BYTES * SAMPLES // dataset.FRAMES)
    assert len(Shards(folder / "shards")) == count
    return folder / "shards"


def check_notes(folder: Path, count: int) -> object:
    """Look for leaks between splits, and read a thousand notes."""
    shards = Shards(folder / "shards")
    assert not leaks.leaks(shards.folder, shards.table)
    assert not find_damage(shards, 1000)
    return None


def load_notes(folder: Path, count: int) -> object:
    """Load batches in random order from all shards; the reader stays open."""
    shards = Shards(folder / "shards")
    batches = Batches(shards, shards.rows(split="train"), BatchPlan(32, seed=0), {"pitch": shards.column("pitch")})
    with batches.stream(0, BATCHES, 2) as stream:
        assert sum(len(batch.rows) for batch in stream) == 32 * BATCHES
    return shards


def judge_notes(folder: Path, count: int) -> object:
    """Score estimates of 32 notes: the notes themselves."""
    from eval.synthesis.score import write_scores  # noqa: PLC0415 (slow)
    from models.synthesis.estimates import Estimates, write_estimates  # noqa: PLC0415

    shards = Shards(folder / "shards")
    names = [str(one) for one in shards.column("id")[:JUDGED]]
    unit = Estimates([{"system": "copy", "note": one} for one in names],
                     lambda: [shards.read(row)[:, 0] / 40_000 for row in range(JUDGED)])  # fmt: skip
    write_estimates(Execution(folder / "estimates"), [unit])
    write_scores(Execution(folder / "scores"), folder / "shards", folder / "estimates")
    return folder / "scores"


def write_songs(folder: Path, count: int) -> None:
    """Write `count` songs."""
    names = {f"Artist {number} - Song": ("train", "train", "test")[number % 3] for number in range(count)}
    tiny.write_musdb(folder / "musdb", names, SONG_SECONDS)


def ingest_songs(folder: Path, count: int) -> object:
    """Decode the songs into shards."""
    ingest_tracks(Execution(folder / "tracks"), locate(str(folder / "musdb"), folder))
    return folder / "tracks"


def resample(folder: Path, count: int) -> object:
    """Resample vocals and accompaniment as the preset `paper` does."""
    resample_songs(Execution(folder / "songs"), [folder / "tracks"], 24_000, 2)
    return folder / "songs"


def check_songs(folder: Path, count: int) -> object:
    """Look for songs in two splits, and read a hundred recordings."""
    shards = Shards(folder / "songs")
    assert not songs_in_two_splits(shards.folder, shards.table)
    assert not find_damage(shards, 100)
    return None


def load_songs(folder: Path, count: int) -> object:
    """Make batches as for the codec of the preset `paper`."""
    shards = Shards(folder / "songs")
    segments = Segments(shards, "train", BatchPlan(32, seed=0), Mixing(24_000, shift=2.0))
    with segments.stream(0, 20, 2) as stream:
        assert sum(len(batch.rows) for batch in stream) == 32 * 20
    return shards


def judge_songs(folder: Path, count: int) -> object:
    """Score the true vocals of two songs as estimates."""
    from eval.metrics.sdr import score_track  # noqa: PLC0415 (slow)

    shards = Shards(folder / "songs")
    for row in range(2):
        vocals, rest = (shards.read(2 * row + part) / 32_768 for part in (0, 1))
        made = {"vocals": 0.9 * vocals, "accompaniment": rest + 0.1 * vocals}
        score_track({"vocals": vocals, "accompaniment": rest}, made, 24_000)
    return shards


def write_stem(folder: Path, minutes: int) -> None:
    """Write one song of that length as a stem file."""
    import test_data_musdb  # noqa: PLC0415 (it imports pytest)

    time = np.arange(minutes * 60 * 44_100) / 44_100
    pcm = {name: (2000 * np.sin(2 * np.pi * (110 + 50 * number) * time)).astype(np.int16)[:, None].repeat(2, 1)
           for number, name in enumerate(SOURCES)}  # fmt: skip
    path = folder / "musdb" / "train" / "A - B.stem.mp4"
    path.parent.mkdir(parents=True)
    path.write_bytes(test_data_musdb.stem_file(pcm))


KINDS: dict[str, tuple[Callable[[Path, int], None], dict[str, Step]]] = {
    "notes": (write_archive, {"ingest": ingest_notes, "checks": check_notes, "loader": load_notes,
                              "judge": judge_notes}),
    "songs": (write_songs, {"ingest": ingest_songs, "resample": resample, "checks": check_songs, "loader": load_songs,
                            "judge": judge_songs}),
    "minutes": (write_stem, {"ingest": ingest_songs, "resample": resample}),
}  # fmt: skip


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def measure(kind: str, name: str, folder: Path, count: int) -> dict[str, Any]:
    """Do one step in this process; return what it took."""
    before, start = size(folder), os.times()
    kept = KINDS[kind][1][name](folder, count)
    end = os.times()
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    opened = [os.readlink(f"/proc/self/fd/{one}") for one in os.listdir("/proc/self/fd") if one.isdigit()
              and os.path.exists(f"/proc/self/fd/{one}")]  # fmt: skip
    del kept
    return {
        "kind": kind,
        "size": count,
        "step": name,
        "processor, s": round(sum(end[:4]) - sum(start[:4]), 2),
        "peak memory, MB": peak // 1024,
        "open shards": sum(one.endswith(".tar") for one in opened),
        "disk, MB": round((size(folder) - before) / 1e6, 1),
    }


def main() -> None:
    """Measure a kind of data at every size asked for, and print a JSON line for each step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        print(json.dumps(measure(given.kind, given.step[0], Path(given.step[1]), given.sizes[0])))
        return
    print(json.dumps({"commit": commit()}), flush=True)
    write, steps = KINDS[given.kind]
    for count in given.sizes:
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("BENCH_FOLDER")))
        try:
            write(folder, count)
            for name in steps:
                program = [sys.executable, __file__, given.kind, str(count), "--step", name, str(folder)]
                subprocess.run(program, check=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
