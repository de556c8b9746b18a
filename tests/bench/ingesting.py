"""A tar.gz straight into shards, against `gzip -dc` of the same archive; and the memory it takes."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from contest import take_turns
from notes import pack, write_part

from data.execution import Execution
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest

# The peak is asked of /proc: rusage counts what the parent held when it forked.
PROGRAM = """
import sys
from pathlib import Path
from data.execution import Execution
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
ingest(Execution(Path(sys.argv[2])), [Part("nsynth-train", Path(sys.argv[1]))])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def measure(folder: Path) -> dict[str, Any]:
    """Return seconds of both and the peak memory of a process that ingests."""
    archive = pack(write_part(folder))
    target = folder / "shards"

    def ours() -> None:
        # Into memory that the last round has left: pages that a virtual machine has yet to be given cost more than all.
        shutil.rmtree(target, ignore_errors=True)
        ingest(Execution(target), [Part("nsynth-train", archive)])

    def gzip() -> None:
        subprocess.run(["gzip", "-dc", str(archive)], stdout=subprocess.DEVNULL, check=True)

    seconds = take_turns({"gzip -dc": gzip, "our ingest": ours}, 3)
    command = [sys.executable, "-c", PROGRAM, str(archive), str(folder / "measured")]
    peak = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # KiB
    return {
        "figures": {
            **{f"{name}, s": one for name, one in seconds.items()},
            "archive, MB": archive.stat().st_size / 1e6,
            "peak memory of ingest, MB": peak * 1024 / 1e6,
        },
        "ratios": {
            "speed of ingest / gzip -dc": (seconds["gzip -dc"] / seconds["our ingest"], ">=", 0.8),
            "peak memory, GB": (peak * 1024 / 1e9, "<=", 1.0),
        },
    }
