"""Whole runs of the synthesis branch that are killed by signal 9 and started again, compared with an undisturbed one.

Data, three trainings, judging, champion, listening tests and report are made by the real graph with tiny networks.
What such a run says of itself differs each time: how long it took, when it was, how busy the machine was. So the clocks
that the results tell of (`CLOCKS`) stand still here, and go on only when they are looked at. Then every file of the
store must have the same bytes, the report and its page too, under the same key of its version. Left out are:

* in `run.json`, the times of modification of the files ("modified_ns"), and its checksum, which covers them;
* lock files, which hold the number of a process.
"""

import datetime as dates
import hashlib
import importlib
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

CLOCKS = {
    "models.training.fit": "time",  # seconds of training, in checkpoints, histories, model.json and the report
    "models.synthesis.cost": "time",  # speed of the WaveNet
    "models.synthesis.synthesize": "time",  # speed of generation
    "assets.store.versions": "time datetime",  # how long a version took, and when it was made
    "assets.origin": "datetime",  # the date of a report
}
_TICK = 1 / 8  # seconds; a power of two, so that sums and differences of times are exact


class Clock:
    """Stands in for the module `time`: it goes on by an eighth of a second each time that it is looked at."""

    def __init__(self) -> None:
        self._looks = count()

    def monotonic(self) -> float:
        return next(self._looks) * _TICK

    perf_counter = monotonic


class Today(dates.datetime):
    """Stands in for `datetime`: it is always the same day."""

    @classmethod
    def now(cls, tz: Any = None) -> dates.datetime:
        return dates.datetime(2000, 1, 1, tzinfo=tz)


def stop_clocks() -> None:
    """Let the clocks of this process stand still, and the machine be idle."""
    for module, names in CLOCKS.items():
        for name in names.split():
            setattr(importlib.import_module(module), name, Clock() if name == "time" else Today)
    os.getloadavg = lambda: (0.0, 0.0, 0.0)


def make(home: Path, source: Path) -> None:
    """Materialise the branch in this process, which stops its clocks."""
    from test_assets_synthesis import DATA, TINY  # noqa: PLC0415 (slow)
    from tiny_graph import Home, names_of  # noqa: PLC0415 (slow)

    from models.synthesis import presets  # noqa: PLC0415 (slow)

    presets.PRESETS["demo"] = TINY
    stop_clocks()
    Home(home, nsynth=str(source)).materialize(*DATA, *names_of("synthesis"))


def forked(work: Callable[[], None], log: Path, seconds: float | None) -> int:
    """Do work in a forked process, killed after so many seconds with all its children; return how it ended."""
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        try:
            work()
        except BaseException as error:  # told in the log, and by the end of the process
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    deadline = None if seconds is None else time.monotonic() + seconds
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if deadline is not None and time.monotonic() > deadline:
            with suppress(ProcessLookupError):  # it has not made its group yet
                os.killpg(child, signal.SIGKILL)
            os.kill(child, signal.SIGKILL)
            ended = os.waitpid(child, 0)
            break
        time.sleep(0.01)
    return os.waitstatus_to_exitcode(ended[1])


def contents(home: Path) -> dict[str, str]:
    """Return the hash of every file of the store by its path; for what is left out see above."""
    store = home / "store"
    found = [one for one in sorted(store.rglob("*")) if one.is_file() and one.suffix != ".lock"]
    return {one.relative_to(store).as_posix(): hashlib.sha256(_compared(one)).hexdigest() for one in found}


def _compared(path: Path) -> bytes:
    """Return what is compared of a file: all of it, except for run.json."""
    content = path.read_bytes()
    if path.name != "run.json":
        return content
    record = json.loads(content)
    del record["checksum"]
    for known in record["files"].values():
        del known["modified_ns"]
    return json.dumps(record, sort_keys=True).encode()


def difference(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return the paths that are in one only, or have other bytes."""
    return sorted(name for name in expected | found if expected.get(name) != found.get(name))


@dataclass(frozen=True)
class Whole:
    """An undisturbed run.

    Attributes:
        place: folder for this run and for those that are compared with it.
        source: recordings.
        seconds: how long it took.
        expected: what it ended with.
    """

    place: Path
    source: Path
    seconds: float
    expected: dict[str, str]

    @classmethod
    def of(cls, place: Path, source: Path) -> "Whole":
        """Run it."""
        started = time.monotonic()
        ended = forked(lambda: make(place / "whole", source), place / "whole.log", None)
        assert ended == 0, (place / "whole.log").read_text()
        return cls(place, source, time.monotonic() - started, contents(place / "whole"))

    def trial(self, seed: int, most: int) -> tuple[int, list[str]]:
        """Make everything, killed up to `most` times at instants drawn from a seed, and started again until it ends.

        Returns:
            How often it was killed, and the paths of the files that are other than those of the undisturbed run.
        """
        draw, killed, home, log = random.Random(seed), 0, self.place / f"seed-{seed}", self.place / f"seed-{seed}.log"
        while True:
            seconds = draw.uniform(0, self.seconds) if killed < most else None
            ended = forked(lambda: make(home, self.source), log, seconds)
            if ended == 0:
                changed = difference(self.expected, contents(home))
                if not changed:
                    shutil.rmtree(home)
                return killed, changed
            assert ended == -signal.SIGKILL, f"seed {seed} after {killed} kills: {log.read_text()}"
            killed += 1
