"""Compiled functions are stored by one process at a time."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from data.pitch.compiled import LOCK, one_process_at_a_time

ROOT = Path(__file__).resolve().parent.parent


def waits(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process waits for the lock: /proc/locks lists it with an arrow, by inode and process."""
    file = f":{LOCK.stat().st_ino} "
    waiting = (line for line in Path("/proc/locks").read_text().splitlines() if "->" in line and file in line)
    return any(f" {process.pid} " in line for line in waiting)


@pytest.mark.skipif(not Path("/proc/locks").is_file(), reason="the system does not list who waits for a lock")
def test_an_import_waits_while_another_process_compiles():
    program = "from data.pitch.compiled import librosa; assert librosa.pyin"
    with one_process_at_a_time():
        process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
        while not waits(process):
            assert process.poll() is None, "it did not wait"
            time.sleep(0.01)
    assert process.wait() == 0
