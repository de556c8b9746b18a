"""A holder of a lock that is paused, and a disk that is full inside a checkpoint: in real processes, by real means."""

import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path

import pytest
import torch
from test_assets_store import Work, build

from assets.store.locks import reading
from assets.store.pointers import Slot, find, get, lock_path
from data.errors import InputError, explain
from data.files.durable import write_bytes
from models.training.checkpoint import Rolling


def _make(root: Path, ready, done: Path) -> None:
    """Make a version, whose work waits in the middle until a file is there.

    An event of `multiprocessing` will not do: setting it waits for whoever is paused while waiting for it.
    """

    def waits(folder: Path, earlier: tuple[Path, ...]) -> dict[str, int]:
        write_bytes(folder / "half", b"half")
        ready.set()
        while not done.exists():
            time.sleep(0.01)
        return Work(b"of the holder")(folder, earlier)

    build(root, waits)


def _state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def held(tmp_path):
    """A process that makes a version and is stopped by SIGSTOP in the middle of it."""
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), tmp_path / "done"
    process = context.Process(target=_make, args=(tmp_path / "store", ready, done))
    process.start()
    assert ready.wait(300)
    os.kill(process.pid, signal.SIGSTOP)
    while _state(process.pid) != "T":
        time.sleep(0.01)
    yield process, done
    if process.is_alive():
        os.kill(process.pid, signal.SIGKILL)
    process.join()


def test_a_paused_holder_keeps_its_place_and_ends_its_work_when_it_goes_on(tmp_path, held):
    """Nobody takes over from a process that may go on at any moment; after SIGCONT its version is whole and current."""
    root, (process, done) = tmp_path / "store", held
    slot = Slot(root, "demo", "a")
    with pytest.raises(InputError, match=rf"\(demo/a\): process {process.pid} is at work on it already"):
        build(root, Work(b"of another"))
    assert find(slot) is None
    done.touch()
    os.kill(process.pid, signal.SIGCONT)
    process.join(300)
    assert process.exitcode == 0
    assert (get(slot) / "out").read_bytes() == b"of the holder"
    assert build(root, work := Work()).reused
    assert work.calls == 0


def test_a_paused_holder_that_is_killed_leaves_its_place_at_once(tmp_path, held):
    root, (process, _) = tmp_path / "store", held
    os.kill(process.pid, signal.SIGKILL)
    process.join(300)
    assert not build(root, Work(b"of another")).reused
    assert (get(Slot(root, "demo", "a")) / "out").read_bytes() == b"of another"


def test_what_a_paused_reader_holds_is_not_changed(tmp_path):
    """A reader that is paused still reads: what it holds is neither set aside nor deleted until it goes on or ends."""
    root = tmp_path / "store"
    folder = build(root, Work()).folder
    ready, child = multiprocessing.get_context("fork").Event(), os.fork()
    if child == 0:
        with reading([lock_path(folder)]):
            ready.set()
            time.sleep(300)
        os._exit(0)
    assert ready.wait(300)
    os.kill(child, signal.SIGSTOP)
    (folder / "out").write_bytes(b"damaged behind our back")
    with pytest.raises(InputError, match="is at work on it already"):
        build(root, Work())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not build(root, Work()).reused


@pytest.mark.parametrize("limit", [1, 100, 5_000, 39_000])
def test_a_disk_that_is_full_inside_a_checkpoint_leaves_the_one_before(tmp_path, limit):
    """The system refuses to let a file grow beyond a limit, wherever in the file: by us or by safetensors."""
    rolling = Rolling(tmp_path)
    tensors = {"weight": torch.ones(10_000)}
    rolling.save(1, tensors, {})
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, former[1]))
    try:
        with pytest.raises(Exception, match=r"(?i)too large|os error 27|I/O error") as failed:
            rolling.save(2, {"weight": 2 * torch.ones(10_000)}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
    assert "\n" not in explain(failed.value)
    assert {one.name for one in tmp_path.iterdir()} == {"step-000000001.json", "step-000000001.safetensors"}
    assert torch.equal(Rolling(tmp_path).latest().tensors["weight"], tensors["weight"])
    rolling.save(2, tensors, {})
    assert Rolling(tmp_path).latest().metadata["step"] == 2
