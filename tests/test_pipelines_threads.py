"""Threads that wait for each other give their core away, unless the user says otherwise."""

import os
import subprocess
import sys

import pytest

from pipelines.threads import SPINS

SEEN = "import os, pipelines.cli as cli; cli.app = lambda: print(os.environ.get('GOMP_SPINCOUNT')); cli.main()"


@pytest.mark.parametrize(
    ("given", "seen"),
    [({}, SPINS), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_the_program_sets_it_before_anything_is_loaded_and_never_against_the_user(given, seen):
    own = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    told = subprocess.run(
        [sys.executable, "-c", SEEN], env={**own, **given}, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == seen


def test_torch_is_not_loaded_before():
    told = "import sys, pipelines.cli, pipelines.definitions; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
