"""Kills whole demos of all three systems by signal 9 at random instants, and compares what they end with.

    python tests/bench/kill_demo.py FOLDER [--seeds 3] [--kills 3]

Two demos are undisturbed. Each seed is a demo that is killed up to so many times, at instants drawn from the seed, with
all its processes at once, and started again, until it ends. Then the valid version of each asset must have the same
files as in the undisturbed demos, with the same bytes. Clocks go on here, so files that tell how long something took
differ between any two demos: those that differ between the two undisturbed ones are left out, and are named in
FOLDER/left_out.txt. `kill_seeds.py` compares them too, for one system with tiny networks. What differs is printed, and
its demo is kept.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tiny_kills import difference  # noqa: E402 (found by the line above)
from tiny_process_tree import tree  # noqa: E402

from assets.provenance import commit  # noqa: E402
from assets.store.pointers import homes, pointers, read_pointer, version_folder  # noqa: E402


def demo(home: Path, seconds: float | None = None) -> bool:
    """Run the demo in a home, killed after so many seconds with all its processes; return whether it ended by itself.

    Raises:
        RuntimeError: it ended by itself, and not well; the message names its log.
    """
    log = home.with_suffix(".log")
    environment = {**os.environ, "TESSITURA_HOME": str(home), "OMP_NUM_THREADS": "1"}
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.cli", "demo"], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            for one in [*tree(process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(one, signal.SIGKILL)
            process.wait()
            return False
    if status:
        raise RuntimeError(f"the demo ended with {status}: {log}")
    return True


def contents(home: Path) -> dict[str, str]:
    """Return the hash of every file of every valid version, by asset and name, without run.json, which has times."""
    found, store = {}, home / "store"
    for asset in homes(store):
        for pointer in pointers(asset):
            folder = version_folder(asset, read_pointer(pointer) or "")
            for path in sorted(folder.rglob("*")):
                if path.is_file() and path.name != "run.json":
                    name = pointer.relative_to(store) / path.relative_to(folder)
                    found[name.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def campaign(place: Path, seeds: range, most: int) -> int:
    """Run all seeds; return how many ended with other bytes."""
    start, undisturbed = time.monotonic(), []
    for name in ("first", "second"):
        demo(place / name)
        undisturbed.append(contents(place / name))
    seconds, expected = (time.monotonic() - start) / 2, undisturbed[0]
    clocks = set(difference(*undisturbed))
    (place / "left_out.txt").write_text("\n".join(sorted(clocks)) + "\n")
    print(f"undisturbed: {seconds:.0f} s; {len(expected)} files, {len(clocks)} left out", flush=True)
    wrong = kills = 0
    for seed in seeds:
        home, draw, killed = place / f"seed-{seed}", random.Random(seed), 0
        while not demo(home, draw.uniform(0, seconds / 2) if killed < most else None):
            killed += 1
        changed = [one for one in difference(expected, contents(home)) if one not in clocks]
        print(f"seed {seed}: {killed} kills, {f'OTHER BYTES: {changed}' if changed else 'the same bytes'}", flush=True)
        wrong, kills = wrong + bool(changed), kills + killed
        if not changed:
            shutil.rmtree(home)
    print(f"{len(seeds)} seeds, {kills} kills, {wrong} ended with other bytes; commit {commit()}", flush=True)
    return wrong


def main() -> None:
    """Run what the command line asks for; exit with 1 if a seed ended with other bytes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--seeds", type=int, default=3)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--kills", type=int, default=3, help="most kills of a demo")
    chosen = options.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    raise SystemExit(min(1, campaign(chosen.folder.resolve(), seeds, chosen.kills)))


if __name__ == "__main__":
    main()
