"""Work for several processes: the same results in the same order, and nobody left behind however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from tiny_processes import Scaling

from data import processes
from data.errors import InputError
from data.execution import Execution
from data.processes import map_in_order
from data.progress import Progress
from eval.parts import evaluate_in_parts


@pytest.fixture
def scaling(tmp_path, monkeypatch) -> Scaling:
    """Work of which all but the first item is left to processes, however short it is."""
    monkeypatch.setattr(processes, "_WORTHWHILE", 0.0)
    (tmp_path / "factor").write_text("2.5")
    return Scaling(tmp_path / "factor")


def test_results_are_those_of_one_process_in_the_same_order(scaling):
    alone = list(map_in_order(scaling.times, range(9), 1))
    several = list(map_in_order(scaling.times, range(9), 3))
    assert [one for one, _ in several] == [one for one, _ in alone] == [2.5 * number for number in range(9)]
    assert {who for _, who in alone} == {os.getpid()} == {several[0][1]}
    assert os.getpid() not in {who for _, who in several[1:]}
    assert list(map_in_order(scaling.times, [], 3)) == []
    stream = list(map_in_order(scaling.times, iter(range(9)), 3))
    assert [one for one, _ in stream] == [one for one, _ in alone]
    assert os.getpid() not in {who for _, who in stream[1:]}


def test_no_more_of_a_stream_is_taken_than_processes_need_and_its_error_ends_them(scaling):
    taken = []

    def stream():
        for number in range(40):
            taken.append(number)
            yield number
        raise InputError("the archive is cut off")

    found = []
    with pytest.raises(InputError, match="the archive is cut off"):
        found.extend((one, len(taken)) for one, _ in map_in_order(scaling.times, stream(), 2))
    assert [one for one, _ in found] == [2.5 * number for number in range(len(found))]
    assert all(ahead <= number + 6 for number, (_, ahead) in enumerate(found))
    wait_until(lambda: not children())


def test_short_work_is_done_here(scaling, monkeypatch):
    monkeypatch.setattr(processes, "_WORTHWHILE", 30.0)
    assert {who for _, who in map_in_order(scaling.times, range(9), 3)} == {os.getpid()}


def test_a_process_that_is_killed_is_told_with_the_remedy_and_what_is_finished_is_kept(scaling, tmp_path):
    found = []
    with pytest.raises(
        InputError, match="ended from outside, probably because memory was short; set TESSITURA_WORKERS"
    ):
        found.extend(map_in_order(scaling.killed, range(6), 2))
    assert found == list(range(len(found)))
    assert not children()


def test_an_error_is_raised_as_it_was_and_ends_the_others(scaling):
    with pytest.raises(OSError, match="the disk is full"):
        list(map_in_order(scaling.failing, range(9), 2))
    wait_until(lambda: not children())


def test_tables_are_the_same_with_any_number_of_processes_and_after_a_stop(scaling, tmp_path):
    def run(name: str, workers: int) -> pd.DataFrame:
        progress = Progress("score", total=7, unit="parts")
        execution = Execution(tmp_path / name, workers=workers)
        return evaluate_in_parts(execution, ("scores",), range(7), scaling.table, progress)["scores"]

    alone = run("alone", 1)
    pd.testing.assert_frame_equal(run("several", 3), alone, check_exact=True)
    for number in (0, 4):
        (tmp_path / "several" / "parts" / f"{number:06d}-scores.parquet").unlink()
    pd.testing.assert_frame_equal(run("several", 3), alone, check_exact=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_processes_end_with_the_one_that_started_them(tmp_path, number):
    (tmp_path / "factor").write_text("1")
    program = [sys.executable, Path(__file__).with_name("tiny_processes.py"), tmp_path / "factor"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(
        program, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        workers = [int(parent.stdout.readline()) for _ in range(2)]
        assert all(map(lives, workers))
        parent.send_signal(number)
        wait_until(lambda: not any(map(lives, workers)))
        assert parent.wait(300) != 0


def children() -> list[str]:
    """Return the processes that this one has started and that live."""
    return [one for task in Path("/proc/self/task").iterdir() for one in (task / "children").read_text().split()
            if "spawn_main" in Path(f"/proc/{one}/cmdline").read_text()]  # fmt: skip


def lives(process: int) -> bool:
    """Return whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
