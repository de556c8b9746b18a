"""Kills whole runs of the synthesis branch by signal 9 at random instants, and compares what they end with.

    python tests/bench/kill_seeds.py --seeds 200

One run is undisturbed; each seed is a run that is killed several times, at instants drawn from that seed, and started
again, until it ends. Every file of the store must then have the same bytes as in the undisturbed run; `tiny_kills` says
what is left out, and why the clocks stand still. A run that ended with other bytes stays in `--keep` with its log.
"""

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]


def campaign(place: Path, seeds: range, most: int) -> int:
    """Run all seeds; return how many ended with other bytes."""
    from tiny import write_nsynth  # noqa: PLC0415 (slow)
    from tiny_kills import Whole  # noqa: PLC0415 (slow)

    whole = Whole.of(place, write_nsynth(place / "nsynth-train", 4, range(60, 68), (25, 127)))
    print(f"undisturbed: {whole.seconds:.0f} s, {len(whole.expected)} files are compared", flush=True)
    wrong = kills = 0
    for seed in seeds:
        killed, changed = whole.trial(seed, most)
        print(f"seed {seed}: {killed} kills, {f'OTHER BYTES: {changed}' if changed else 'the same bytes'}", flush=True)
        wrong, kills = wrong + bool(changed), kills + killed
    print(f"{len(seeds)} seeds, {kills} kills, {wrong} ended with other bytes", flush=True)
    return wrong


def main() -> None:
    """Run what the command line asks for; exit with 1 if a seed ended with other bytes."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--kills", type=int, default=4, help="most kills of a run")
    options.add_argument("--keep", type=Path, help="folder for the runs; a temporary one by default")
    chosen = options.parse_args()
    warnings.simplefilter("ignore")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import test_assets_synthesis  # noqa: F401, PLC0415 (imported once, for all forks)

    seeds = range(chosen.first, chosen.first + chosen.seeds)
    with tempfile.TemporaryDirectory() as folder:
        raise SystemExit(min(1, campaign((chosen.keep or Path(folder)).resolve(), seeds, chosen.kills)))


if __name__ == "__main__":
    main()
