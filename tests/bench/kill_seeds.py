"""Kills whole runs of the synthesis branch by signal 9 at random instants, and compares what they end with.

    python tests/bench/kill_seeds.py --seeds 200

Data, three trainings, judging, champion, listening tests and report are made by the real graph with tiny networks. One
run is undisturbed; each seed is a run that is killed several times, at instants drawn from that seed, and started
again, until it ends. Every file of every version must then have the same bytes as in the undisturbed run, apart from
those that hold times: `TIMES`.
"""

import argparse
import hashlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

# Files that hold seconds or dates, by the end of their path below the version.
TIMES = re.compile(r"(^|/)(run\.json|model\.json|history\.(jsonl|parquet)|recipe\.json|report\.html|metrics\.json"
    r"|front\.json"
                   r"|cost\.json|card\.md|model_card\.md|tests\.json|README\.txt|.*\.lock)$")  # fmt: skip


def make(home: Path, source: Path) -> None:
    """Materialise the branch in this process, with its tables."""
    from test_assets_synthesis import DATA, TINY  # noqa: PLC0415 (slow)
    from tiny_graph import Home, names_of  # noqa: PLC0415 (slow)

    from models.synthesis import presets  # noqa: PLC0415 (slow)

    presets.PRESETS["demo"] = TINY
    Home(home, nsynth=str(source)).materialize(*DATA, *names_of("synthesis"))


def forked(home: Path, source: Path, seconds: float | None) -> int:
    """Make everything in a forked process, killed after so many seconds; return how it ended."""
    child = os.fork()
    if child == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.dup2(null, 1)
        try:
            make(home, source)
        except BaseException:
            os._exit(1)
        os._exit(0)
    deadline = None if seconds is None else time.monotonic() + seconds
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if deadline is not None and time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1])


def contents(home: Path) -> dict[str, str]:
    """Return the hash of every file of the store by its path, without files that hold times.

    The key of a version is left out of its path: that of a report follows from how long the models took.
    """
    found = {}
    for path in sorted((home / "store").rglob("*")):
        name = path.relative_to(home / "store").as_posix()
        if path.is_file() and "/versions/" in name and not TIMES.search(name):
            found[re.sub("/versions/[0-9a-f]+/", "/versions/", name)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def difference(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return the paths that are in one only, or have other bytes."""
    return sorted(name for name in expected | found if expected.get(name) != found.get(name))


def trial(place: Path, source: Path, seed: int, whole: tuple[float, int]) -> tuple[int, dict[str, str]]:
    """Return how often a run was killed before it ended, and what it ended with.

    Args:
        place: folder for its home.
        source: recordings.
        seed: of the instants.
        whole: how long an undisturbed run takes, in seconds, and how often a run is killed at most.
    """
    draw, killed = random.Random(seed), 0
    while True:
        seconds = draw.uniform(0, whole[0]) if killed < whole[1] else None
        ended = forked(place, source, seconds)
        if ended == 0:
            return killed, contents(place)
        if ended != -signal.SIGKILL:
            raise SystemExit(f"seed {seed}: ended with {ended} after {killed} kills; see {place}")
        killed += 1


def campaign(place: Path, seeds: range, most: int, say=print) -> list[str]:
    """Run all seeds; return a line for each that ended with other bytes."""
    from tiny import write_nsynth  # noqa: PLC0415 (slow)

    source = write_nsynth(place / "nsynth-train", 4, range(60, 68), (25, 127))
    started = time.monotonic()
    if forked(place / "whole", source, None) != 0:
        raise SystemExit("the undisturbed run failed")
    seconds, expected, wrong = time.monotonic() - started, contents(place / "whole"), []
    say(f"undisturbed: {seconds:.0f} s, {len(expected)} files are compared")
    for seed in seeds:
        killed, found = trial(place / f"seed-{seed}", source, seed, (seconds, most))
        changed = difference(expected, found)
        say(f"seed {seed}: {killed} kills, {'the same bytes' if not changed else f'OTHER BYTES: {changed}'}")
        wrong += [f"seed {seed}: {changed}"] if changed else []
        shutil.rmtree(place / f"seed-{seed}")
    return wrong


def main() -> None:
    """Run what the command line asks for; exit with 1 if a seed ended with other bytes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--kills", type=int, default=4, help="most kills of a run")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import test_assets_synthesis  # noqa: F401, PLC0415 (imported once, for all forks)

    with tempfile.TemporaryDirectory() as folder:
        wrong = campaign(Path(folder), range(chosen.first, chosen.first + chosen.seeds), chosen.kills)
    raise SystemExit(f"{len(wrong)} seeds ended with other bytes" if wrong else 0)


if __name__ == "__main__":
    main()
