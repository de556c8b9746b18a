"""Several processes train one model together: like one process, and through stops, kills and errors."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_forked import Forked
from tiny_training import CONFIG, train_shards, write_shards

from data.errors import InputError
from data.execution import Execution
from data.progress import Report
from models.training.checkpoint import Rolling, load
from models.training.history import History
from models.training.together import RESTARTS, train_together

ENDLESS = """
import sys
from dataclasses import replace
from pathlib import Path
from tiny_training import CONFIG, train_shards
from models.training.together import Execution, train_together
folder, shards = map(Path, sys.argv[1:])
train_together(train_shards, Execution(folder, trainers=2), shards, replace(CONFIG, steps=10**6), "pids")
"""
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    Forked("", [], os.environ).wait()  # starts the fork server of the tests, which has imported everything
    return write_shards(tmp_path_factory.mktemp("shards")).folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory, shards) -> Path:
    """The folder of the training by one process."""
    folder = tmp_path_factory.mktemp("alone")
    train_together(train_shards, Execution(folder), shards, CONFIG)
    return folder


def together(folder: Path, shards: Path, fault: str = "", trainers: int = 2, **options) -> dict[str, float]:
    config = replace(CONFIG, **options.pop("changes", {}))
    return train_together(train_shards, Execution(folder, trainers=trainers), shards, config, fault, **options)


def assert_like(folder: Path, alone: Path) -> None:
    mine, theirs = (load(one / "model").tensors for one in (folder, alone))
    for name, one in theirs.items():
        torch.testing.assert_close(mine[name], one, **TOLERANCE)


def test_two_processes_train_like_one_and_tell_of_it(tmp_path, shards, alone):
    reports: list[Report] = []
    execution = Execution(tmp_path, reports.append, trainers=2)
    figures = train_together(train_shards, execution, shards, CONFIG)
    assert_like(tmp_path, alone)
    assert reports[-1].done == reports[-1].total == CONFIG.steps
    assert reports[-1].values["loss"] == figures["loss"]
    mine, theirs = History(tmp_path).rows(), History(alone).rows()
    assert [one["step"] for one in mine] == [one["step"] for one in theirs]
    assert [one["loss"] for one in mine] == pytest.approx([one["loss"] for one in theirs], rel=1e-4)
    assert figures["valid_error"] == pytest.approx(theirs[-1]["valid_error"], rel=1e-4)


def test_checkpoints_are_told_where_the_training_was_started_and_wait_until_they_are_kept(tmp_path, shards, alone):
    kept: list[str] = []

    def keep(folder: Path) -> None:
        time.sleep(0.3)  # long enough for further steps, which must not happen meanwhile
        kept.append(max(one.stem for one in folder.glob("step-*.json")))

    execution = Execution(tmp_path / "two", trainers=2, saved=keep)
    train_together(train_shards, execution, shards, CONFIG)
    assert len(kept) > 2
    assert kept == sorted(set(kept))  # a new one each time
    assert_like(tmp_path / "two", alone)

    def refuse(folder: Path) -> None:
        raise InputError(f"{folder}: cannot be kept")

    with pytest.raises(InputError, match="cannot be kept"):
        train_together(train_shards, Execution(tmp_path / "none", trainers=2, saved=refuse), shards, CONFIG)


def test_one_that_is_killed_in_mid_step_costs_nothing_but_time(tmp_path, shards, alone):
    told: list[str] = []
    together(tmp_path, shards, "kill once", again=told.append)
    assert told == ["process 2 of 2 of train_shards was ended by signal 9; all begin again from the newest checkpoint"]
    assert_like(tmp_path, alone)
    assert [one["step"] for one in History(tmp_path).rows()] == [one["step"] for one in History(alone).rows()]


def test_one_that_is_killed_again_and_again_is_given_up_with_the_remedy(tmp_path, shards):
    told: list[str] = []
    with pytest.raises(InputError, match=r"signal 9, 4 times in all, .* set TESSITURA_TRAINING_PROCESSES or"):
        together(tmp_path, shards, "kill", again=told.append)
    assert len(told) == RESTARTS
    latest = Rolling(tmp_path).latest()
    assert latest is not None
    assert latest.metadata["step"] == 5


def test_the_first_error_is_the_one_that_is_told(tmp_path, shards):
    with pytest.raises(InputError, match=r"^song\.wav: cut off; fetch it again\n") as caught:
        together(tmp_path, shards, "fail")
    assert "tiny_training.py" in "".join(caught.value.__notes__)


def test_what_cannot_be_shared_is_refused_with_the_setting(tmp_path, shards):
    with pytest.raises(InputError, match=r"a batch of 4 cannot be shared by 3 .*TESSITURA_TRAINING_PROCESSES"):
        together(tmp_path, shards, trainers=3)


def test_a_training_moves_between_numbers_of_processes(tmp_path, shards, alone):
    former = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        for trainers, stop in ((2, 6), (1, 12)):
            with pytest.raises(KeyboardInterrupt, match=rf"^tiny stopped at step {stop + 1}$"):
                together(tmp_path, shards, f"stop at {stop}", trainers)
    finally:
        signal.signal(signal.SIGTERM, former)
    together(tmp_path, shards, trainers=4)
    assert_like(tmp_path, alone)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_training_that_ends(tmp_path, shards, number):
    parent = Forked(ENDLESS, [tmp_path, shards], {**os.environ, "PYTHONPATH": str(Path(__file__).parent)})
    pids = wait_for(lambda: [int(one.name[4:]) for one in tmp_path.glob("pid-*")], lambda found: len(found) == 2)
    wait_for(lambda: list(tmp_path.glob("step-*.json")), bool)
    os.kill(parent.process.pid, number)
    assert parent.wait().returncode != 0
    wait_for(lambda: [one for one in pids if lives(one)], lambda found: not found)
    assert Rolling(tmp_path).latest() is not None


def wait_for(look, enough):
    deadline = time.monotonic() + 300
    while not enough(found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def lives(process: int) -> bool:
    """Return whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
