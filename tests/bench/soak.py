"""Hundreds of materialisations in one web UI: do memory, descriptors, threads, processes or files grow with them?

    python tests/bench/soak.py FOLDER [--runs 84] [--bare]

`tessitura dev` is opened on an empty home, and runs are launched by its GraphQL interface, one after the other. Each
materialises the six data sets that no training is needed for; two of them are taken out of the store before, so they
are made again, and four are found. With --bare the same programs serve six assets that do nothing (`soak_bare.py`):
what grows there too is Dagster's. After each run, when all its processes have ended, a line is added to
FOLDER/ours.jsonl or bare.jsonl: for each process resident and proportional memory in MB, descriptors and threads; the
number of other processes, of temporary files, and MB of the store and of Dagster's databases.

At the end, the growth per 100 materialisations is printed, without the first half of the runs, in which caches fill:
Theil-Sen slopes, and their 95 % intervals.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import theilslopes

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
from soak_bare import NAMES  # noqa: E402 (found by the line above)
from tiny_process_tree import tree  # noqa: E402
from tiny_web_ui import ROOT, WebUI, until  # noqa: E402

from assets.provenance import commit  # noqa: E402

FOUND = ("embedded/nsynth_shards", "embedded/musdb_tracks", "demo/separation_embedded_songs", "embedded/voices_clips")
MADE = ("demo/separation_songs", "demo/conversion_targets")
ROLES = {  # what stands in the command line of each process of the web UI
    "pipelines.services web": "web server",
    "pipelines.services daemon": "daemon",
    "dagster code-server start": "code server",
    "dagster api grpc": "code server, inner process",
    "pipelines.reports.server": "reports",
    " dev --port": "tessitura dev",
}
LAUNCH = """mutation ($location: String!, $keys: [AssetKeyInput!]!) {
  launchPipelineExecution(executionParams: {mode: "default", selector: {repositoryLocationName: $location,
    repositoryName: "__repository__", pipelineName: "__ASSET_JOB", assetSelection: $keys}}) {
    __typename ... on LaunchRunSuccess { run { id } } ... on PythonError { message } } }"""


def _measured(process: int) -> dict[str, float]:
    """Return memory in MB, descriptors and threads of a process."""
    rollup = dict(line.split(":") for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:])
    status = dict(line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines())
    return {
        "RSS, MB": int(rollup["Rss"].split()[0]) / 1000,
        "PSS, MB": int(rollup["Pss"].split()[0]) / 1000,
        "descriptors": len(os.listdir(f"/proc/{process}/fd")),
        "threads": int(status["Threads"]),
    }


def _role(process: int) -> str:
    command = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return next((role for text, role in ROLES.items() if text in command), "")


def _size(folder: Path) -> float:
    """Return the MB of all files in a folder; what goes away meanwhile counts as nothing."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def sample(ui: WebUI, temporary: Path) -> dict[str, float]:
    """Return what the web UI takes now, by name."""
    found: dict[str, float] = {}
    others: Counter[str] = Counter()
    for process in tree(ui.process.pid):
        role = _role(process)
        if role:
            found |= {f"{role}: {name}": one for name, one in _measured(process).items()}
        else:
            others["processes"] += 1
    return {
        **found,
        "other processes": others["processes"],
        "temporary files": sum(1 for _ in temporary.rglob("*")),
        "store, MB": _size(ui.home / "store"),
        "databases, MB": _size(ui.home / "dagster"),
    }


def run_once(ui: WebUI, location: str, keys: tuple[str, ...]) -> float:
    """Materialise assets in one run, wait until it and its processes have ended, and return the seconds."""
    start, idle = time.monotonic(), sum(1 for _ in tree(ui.process.pid))
    asked = [{"path": key.split("/")} for key in keys]
    answer = ui.ask(LAUNCH, location=location, keys=asked)["launchPipelineExecution"]
    assert "run" in answer, answer
    run = answer["run"]["id"]
    until(lambda: time.sleep(1) or ui.status(run) in ("SUCCESS", "FAILURE", "CANCELED"), "the run ends")
    assert ui.status(run) == "SUCCESS", run
    deadline = time.monotonic() + 20  # of those that stay for longer, the sample tells
    while sum(1 for _ in tree(ui.process.pid)) > idle and time.monotonic() < deadline:
        time.sleep(0.5)
    return time.monotonic() - start


def soak(folder: Path, runs: int, *, bare: bool) -> Path:
    """Materialise everything `runs` times, and return the file with a line for each time."""
    name, temporary = "bare" if bare else "ours", folder / "temporary"
    temporary.mkdir(parents=True)
    samples, keys = folder / f"{name}.jsonl", NAMES if bare else (*FOUND, *MADE)
    paths = os.pathsep.join([str(Path(__file__).parent), str(ROOT / "tests"), str(ROOT)])
    module = "soak_bare" if bare else "pipelines.definitions"
    with WebUI(folder / name, module, TMPDIR=str(temporary), PYTHONPATH=paths) as ui, open(samples, "w") as lines:
        for number in range(runs):
            for one in () if bare else MADE:
                shutil.rmtree(ui.home / "store" / one, ignore_errors=True)
            seconds = run_once(ui, "tessitura", keys)
            row = {"materialisations": len(keys) * (number + 1), "seconds": seconds, **sample(ui, temporary)}
            print(json.dumps(row), file=lines, flush=True)
    return samples


def growth(samples: Path) -> dict[str, Any]:
    """Return the growth of everything per 100 materialisations, with its 95 % interval, from the file of a soak."""
    table = pd.read_json(samples, lines=True)
    settled = table.iloc[len(table) // 2 :]
    slopes = {}
    for name in table.columns.drop("materialisations"):
        slope, _, low, high = tuple(theilslopes(settled[name], settled["materialisations"], 0.95))
        slopes[name] = {
            "first": float(settled[name].iloc[0]),
            "last": float(settled[name].iloc[-1]),
            "per 100": [round(100 * float(one), 3) for one in (slope, low, high)],
        }
    return {"materialisations": int(table["materialisations"].iloc[-1]), "runs": len(table), **slopes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=84)
    parser.add_argument("--bare", action="store_true")
    given = parser.parse_args()
    samples = soak(given.folder, given.runs, bare=given.bare)
    machine = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "commit": commit()}
    print(json.dumps({"machine": machine, **growth(samples)}, indent=1))


if __name__ == "__main__":
    main()
