"""Speed, measured side by side with peers in one run: `make bench`, or `python tests/bench/run.py reads`.

Contestants of a section take turns, so that a busy machine is unfair to nobody; what counts is
the ratio of medians. Results are printed and kept in results.json beside this file, each section
with its commit and machine.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import converting
import ingesting
import loading
import pitch
import reading
import scoring
import separating
import sharing
import starting
import stepping
import training
import vocoder
import waiting

from assets.provenance import commit, machine

HERE = Path(__file__).parent
SECTIONS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "reads": reading.measure,
    "share": sharing.measure,
    "loaders": loading.measure,
    "ingest": ingesting.measure,
    "train": training.measure,
    "steps": stepping.measure,
    "score": scoring.measure,
    "separate": separating.measure,
    "convert": converting.measure,
    "pitch": pitch.measure,
    "vocoder": vocoder.measure,
    "start": starting.measure,
    "threads": waiting.measure,
}


@contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder for data made here; it is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=os.environ.get("BENCH_FOLDER")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Measure the sections asked for, print them, keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), help=", ".join(SECTIONS))
    kept = HERE / "results.json"
    results = json.loads(kept.read_text()) if kept.is_file() else {}
    failed = False
    for name in parser.parse_args().sections:
        with scratch() as folder:
            found = SECTIONS[name](folder)
        ran = machine()
        results[name] = {**found, "commit": commit(), "machine": ran["machine"], "packages": ran["packages"]}
        kept.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
        print(f"\n{name}")
        for label, value in found["figures"].items():
            print(f"  {label:<44} {value:>12,.3f}")
        for label, (ratio, sign, bound) in found["ratios"].items():
            good = ratio >= bound if sign == ">=" else ratio <= bound
            failed |= not good
            print(f"  {label:<44} {ratio:>12,.3f}  {'ok' if good else 'MISSED'} ({sign} {bound})")
    sys.exit(failed)


if __name__ == "__main__":
    main()
