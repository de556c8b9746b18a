"""Work for several processes, in a module that a process imports quickly; `python tiny_processes.py FILE` runs some."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from data import processes
from data.processes import Reopened, map_in_order


class Scaling(Reopened):
    """Multiplies by a number that lies in a file, which every process opens."""

    def __init__(self, file: Path) -> None:
        self._factor = float(file.read_text())

    def times(self, number: int) -> tuple[float, int]:
        """Return the product, and the process that made it; what came first waits longest."""
        time.sleep(0.02 * (number % 3 == 0))
        return self._factor * number, os.getpid()

    def killed(self, number: int) -> int:
        """Return the number, but end the process at number 3, as the system does for want of memory."""
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    def failing(self, number: int) -> int:
        """Return the number, but fail at number 3."""
        if number == 3:
            raise OSError("the disk is full")
        return number

    def table(self, number: int) -> dict[str, pd.DataFrame]:
        """Return sums whose last digits would change with the order of adding."""
        draw = np.random.default_rng(number)
        first, second = draw.standard_normal((2, 300, 300))
        values = {"part": number, "sum": (first @ second).sum(), "text": None if number % 2 else "odd"}
        return {"scores": pd.DataFrame([values])}

    def lasting(self, number: int) -> int:
        """Tell who works, and go on for a minute, apart from number 0."""
        if number:
            print(os.getpid(), flush=True)
            time.sleep(60)
        return number


if __name__ == "__main__":
    processes._WORTHWHILE = 0.0
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts in the background ignore it
    print(list(map_in_order(Scaling(Path(sys.argv[1])).lasting, range(4), 2)))
