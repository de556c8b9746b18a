"""Child processes end with their parent, however it ends, and get its stop signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.children import Children

ROOT = Path(__file__).resolve().parent.parent

# A child that starts a child of its own, as Dagster does, and tells both process ids.
FAMILY = """
import os, subprocess, sys, time
inner = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
with open(sys.argv[1] + ".new", "w") as file:
    file.write(f"{os.getpid()} {inner.pid}")
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""
PARENT = """
import signal, sys
from pipelines.children import Children
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
with Children() as children:
    status = children.start([sys.executable, "-S", "-c", sys.argv[1], sys.argv[2]]).wait()
print(status, children.stopped)
"""
# Dagster's programs treat SIGTERM as they treat SIGINT.
ALIKE = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""
STEP = """
import multiprocessing, os, sys, time
from data.processes import end_with_parent

def step(path):
    end_with_parent()
    with open(path + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".new", path)
    time.sleep(60)

if __name__ == "__main__":
    child = multiprocessing.get_context(sys.argv[2]).Process(target=step, args=(sys.argv[1],))
    child.start()
    child.join()
"""


def alive(process: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        if sys.platform == "linux":
            return False
        done = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
        state = done.stdout.strip()[:1] or "Z"
    return state not in "ZX"


def wait_until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(tmp_path: Path, program: str, *arguments: str) -> tuple[subprocess.Popen, list[int]]:
    """Start a program that writes process ids into a file; return it and the ids."""
    path = tmp_path / "ids"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *(one or str(path) for one in arguments)]
    parent = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    wait_until(path.exists)
    return parent, [int(one) for one in path.read_text().split()]


def test_a_parent_killed_by_signal_9_leaves_nothing(tmp_path):
    parent, family = start(tmp_path, PARENT, FAMILY, "")
    assert all(map(alive, family))
    parent.kill()
    parent.wait()
    wait_until(lambda: not any(map(alive, family)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_reaches_the_children_and_theirs(tmp_path, number):
    parent, family = start(tmp_path, PARENT, FAMILY, "")
    parent.send_signal(number)
    said, _ = parent.communicate(timeout=20)
    status, stopped = said.split()
    assert int(stopped) == number
    assert int(status) in (1, 128 + number)  # 1 or 130: Python reports a KeyboardInterrupt in either way
    assert not any(map(alive, family))


def test_a_child_of_a_background_job_ends_by_sigterm_not_by_sigkill(tmp_path):
    ignoring = PARENT.replace("signal.default_int_handler", "signal.SIG_IGN")
    parent, family = start(tmp_path, ignoring, ALIKE, "")
    parent.send_signal(signal.SIGTERM)
    said, _ = parent.communicate(timeout=20)
    status, stopped = map(int, said.split())
    assert stopped == signal.SIGTERM
    assert status in (1, 128 + signal.SIGINT)  # of a KeyboardInterrupt; after the grace it would be 137
    assert not any(map(alive, family))


def test_what_a_child_leaves_behind_ends_with_it(tmp_path):
    parent, family = start(tmp_path, PARENT, FAMILY, "")
    os.kill(family[0], signal.SIGKILL)
    said, _ = parent.communicate(timeout=20)
    assert said.split() == [str(128 + signal.SIGKILL), "None"]
    assert not any(map(alive, family))


def test_leaving_the_block_ends_the_children(tmp_path):
    with Children() as children:
        child = children.start([sys.executable, "-S", "-c", FAMILY, str(tmp_path / "ids")])
        wait_until((tmp_path / "ids").exists)
    assert child.returncode == 128 + signal.SIGTERM
    assert not any(alive(int(one)) for one in (tmp_path / "ids").read_text().split())
    with Children() as children:
        child = children.start([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    assert child.returncode != 0, "ended before it began"


def test_a_program_that_is_missing_is_told(capfd):
    with Children() as children:
        assert children.start(["/no/such/program"]).wait() == 127
    assert "/no/such/program" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_step_ends_with_the_run_that_started_it(tmp_path, method):
    program = tmp_path / "program.py"
    program.write_text(STEP)
    path = tmp_path / "ids"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, str(program), str(path), method], env=environment)
    wait_until(path.exists)
    step = int(path.read_text())
    assert alive(step)
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(step))
