"""How the threads of a training wait for each other."""

import os

SPINS = "10000"


def share_cores() -> None:
    """Let a thread that waits for another one give its core away soon, unless the environment says otherwise.

    The OpenMP library of torch (libgomp) lets it turn round for milliseconds by default, which keeps a core from those
    who need it. Results are the same bits. It must be called before torch is imported. Measured by
    `tests/bench/run.py threads`: beside as many busy processes as cores, a training with two threads is several times
    as fast; alone it loses a few percent.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
