"""BSS Eval of whole songs: ours beside museval's, each in a process of its own, CPU time and peak memory.

Songs are coloured noise, stereo, 44.1 kHz, 4 minutes; the numbers of both must agree on every frame.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

SECONDS, RATE = 240, 44_100

# The peak is asked of /proc: rusage counts what the parent held when it forked. It begins anew before the work, and
# what is there by then, the arrays themselves included, is not counted.
PROGRAM = """
import importlib.util, resource, sys
from pathlib import Path
import numpy as np
from scipy.signal import lfilter

def used():
    found = resource.getrusage(resource.RUSAGE_SELF)
    return found.ru_utime + found.ru_stime

def memory(what):
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(what)))

whose, sources, seconds, rate, target = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
generator = np.random.default_rng(0)
references = np.empty((sources, seconds * rate, 2))
for number in range(sources):
    references[number] = lfilter([1, 0.3], [1, -0.2 * number], generator.standard_normal((seconds * rate, 2)), axis=0)
estimates = references + 0.3 * references[::-1]
estimates += 0.1 * generator.standard_normal(references.shape)
if whose == "ours":
    from eval.metrics.bss import bss_eval
    work = lambda: bss_eval(references, estimates, rate, rate).decibels
else:
    place = Path(importlib.util.find_spec("museval").origin).with_name("metrics.py")  # the package asks for ffmpeg
    spec = importlib.util.spec_from_file_location("museval_metrics", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    work = lambda: np.stack(module.bss_eval(references, estimates, window=rate, hop=rate)[:4])
Path("/proc/self/clear_refs").write_text("5")
held, before = memory("VmRSS"), used()
found = work()
np.save(target, found)
print(used() - before, (memory("VmHWM") - held) * 1024)
"""


def measure(folder: Path) -> dict[str, Any]:
    """Return CPU seconds and extra memory of both for 2 and 4 sources, and their ratios."""
    figures, ratios = {}, {}
    for sources in (2, 4):
        used, found = {}, {}
        for whose in ("ours", "museval"):
            target = folder / f"{whose}-{sources}.npy"
            command = [sys.executable, "-c", PROGRAM, whose, str(sources), str(SECONDS), str(RATE), str(target)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            used[whose] = [float(one) for one in answer.split()]
            found[whose] = np.load(target)
            figures[f"{whose}, {sources} sources, CPU s"] = used[whose][0]
            figures[f"{whose}, {sources} sources, extra memory, MB"] = used[whose][1] / 1e6
        figures[f"largest difference, {sources} sources, dB"] = float(np.abs(found["ours"] - found["museval"]).max())
        for number, what, bound in ((0, "CPU time", 0.05), (1, "memory", 0.5)):
            ratios[f"{what} ours / museval, {sources} sources"] = (
                used["ours"][number] / used["museval"][number],
                "<=",
                bound,
            )
    return {"figures": figures, "ratios": ratios}
