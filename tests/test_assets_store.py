"""The store: found when nothing changed, made again when something did, whole whatever happens, never deleted."""

import fcntl
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from assets.store.locks import acquire, reading, turn
from assets.store.pointers import Slot, find, get, lock_path, publish
from assets.store.record import damage, damaged_files
from assets.store.retention import collect, garbage, kept, pin, unpin
from assets.store.versions import Making, Recipe, Version, make, set_aside
from data.errors import InputError
from data.files.durable import read_json, write_bytes


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "store"


class Work:
    """Writes a file and counts how often it was asked to."""

    def __init__(self, content: bytes = b"x") -> None:
        self.content, self.calls = content, 0

    def __call__(self, folder: Path, earlier: tuple[Path, ...]) -> dict[str, int]:
        self.calls += 1
        write_bytes(folder / "out", self.content)
        return {"calls": self.calls}


def build(root, work, *, name="a", variant="", experiment="", code="1", config=None, inputs=None, current=True):
    slot = Slot(root, "demo", name, variant, experiment)
    made = make(slot, Recipe(code, config or {}, inputs or {}, ("out",)), Making(work, {"experiment": experiment}))
    if current:
        publish(slot, made.folder)
    return made


def test_the_same_recipe_is_found_made(root):
    work = Work()
    first, second = build(root, work), build(root, work)
    assert (first.reused, second.reused, work.calls) == (False, True, 1)
    assert first.folder == second.folder == get(Slot(root, "demo", "a"))
    assert first.record["summary"] == {"calls": 1}


@pytest.mark.parametrize("change", [{"code": "2"}, {"config": {"steps": 5}}, {"name": "b"}])
def test_another_recipe_is_made_anew(root, change):
    work = Work()
    build(root, work)
    assert not build(root, work, **change).reused
    assert work.calls == 2


def test_what_is_downstream_is_stale_only_if_the_content_changed(root):
    up, down = Work(b"same"), Work()
    made = build(root, up, config={"seed": 1})
    build(root, down, name="down", inputs={"a": made.folder})
    again = build(root, up, config={"seed": 2})
    assert build(root, down, name="down", inputs={"a": again.folder}).reused
    other = build(root, Work(b"different"), config={"seed": 3})
    assert not build(root, down, name="down", inputs={"a": other.folder}).reused


def test_the_version_of_a_source_is_an_input_too(root):
    work = Work()
    build(root, work, inputs={"source": "1"})
    assert build(root, work, inputs={"source": "1"}).reused
    assert not build(root, work, inputs={"source": "2"}).reused


def test_variants_that_come_to_the_same_share_a_version(root):
    work = Work()
    first = build(root, work)
    second = build(root, work, variant="no_time_embedding")
    assert (second.reused, work.calls, second.folder) == (True, 1, first.folder)
    assert not build(root, work, variant="waveform", config={"loss": "waveform"}).reused
    assert get(Slot(root, "demo", "a", "no_time_embedding")) == get(Slot(root, "demo", "a")) == first.folder


def test_an_experiment_has_its_own_versions_and_changes_nothing_in_use(root):
    used = build(root, Work())
    tried = build(root, Work(b"tried"), config={"wider": 1}, experiment="wider")
    slot = Slot(root, "demo", "a", experiment="wider")
    assert (get(slot), get(slot.in_use)) == (tried.folder, used.folder)
    assert get(Slot(root, "demo", "a", experiment="other")) == used.folder
    with pytest.raises(ValueError, match="no id"):
        publish(Slot(root, "demo", "a", experiment="../out"), used.folder)


def test_a_changed_file_is_noticed_and_the_version_set_aside(root):
    work = Work()
    made = build(root, work)
    (made.folder / "out").write_bytes(b"y")  # of the same size
    assert not build(root, work).reused
    assert (made.folder / "out").read_bytes() == b"x"
    (aside,) = (root / "demo" / "a" / "damaged").iterdir()
    assert (aside / "out").read_bytes() == b"y"
    assert read_json(aside / "reason.json")["reason"] == "out: its content is not what was written"


def test_a_file_that_was_only_copied_is_the_same(root):
    made = build(root, work := Work())
    os.utime(made.folder / "out", (1, 1))
    assert build(root, work).reused


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda folder: (folder / "out").write_bytes(b""), "out: 0 bytes where 1 were written"),
        (lambda folder: (folder / "out").unlink(), "out: is gone"),
        (lambda folder: (folder / "run.json").write_bytes(b'{"asset": "a", "fil'), "run.json: cannot be read"),
        (lambda folder: (folder / "run.json").write_bytes(b"\xff\xfe"), "run.json: cannot be read"),
        (lambda folder: (folder / "run.json").write_bytes(b"[]"), "run.json: cannot be read"),
    ],
)
def test_whatever_cannot_be_read_is_set_aside_and_made_afresh(root, harm, reason):
    class Clean(Work):
        def __call__(self, folder, earlier):
            assert sorted(path.name for path in folder.iterdir()) == ["recipe.json"]  # nothing broken is built upon
            return super().__call__(folder, earlier)

    work = Clean()
    made = build(root, work)
    harm(made.folder)
    assert damage(made.folder).startswith(reason)
    assert not build(root, work).reused
    assert build(root, work).reused
    (aside,) = (root / "demo" / "a" / "damaged").iterdir()
    assert read_json(aside / "reason.json")["reason"].startswith(reason)


@pytest.mark.parametrize("name", [".DS_Store", "note.txt", "sub/.nfs0001", "out.tar"])
def test_files_that_came_from_elsewhere_are_ignored(root, name):
    made = build(root, work := Work())
    write_bytes(made.folder / name, b"somebody's")
    assert build(root, work).reused
    assert (made.folder / name).read_bytes() == b"somebody's"


def test_a_failure_keeps_the_old_version_current_and_its_work(root):
    work = Work()
    old = build(root, work)

    def fails(folder: Path, earlier) -> dict[str, int]:
        write_bytes(folder / "checkpoint", b"half way")
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        build(root, fails, config={"steps": 9})
    assert get(Slot(root, "demo", "a")) == old.folder

    def resumes(folder: Path, earlier) -> dict[str, int]:
        assert (folder / "checkpoint").read_bytes() == b"half way"
        assert earlier == (old.folder,)
        return work(folder, earlier)

    new = build(root, resumes, config={"steps": 9})
    assert get(Slot(root, "demo", "a")) == new.folder != old.folder


def test_leavings_of_a_killed_writer_and_checkpoints_are_cleared(root):
    def leaves(folder: Path, earlier) -> dict[str, int]:
        write_bytes(folder / "out.123.partial", b"")
        write_bytes(folder / "deep" / "out.123.partial", b"")
        write_bytes(folder / "step-000000005.json", b"")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        build(root, leaves)

    def looks(folder: Path, earlier) -> dict[str, int]:
        assert sorted(path.name for path in folder.rglob("*.*")) == ["recipe.json", "step-000000005.json"]
        return Work()(folder, earlier)

    made = build(root, looks)
    assert [path.name for path in made.folder.rglob("*.*")] == ["run.json"]
    assert damaged_files(made.folder, thorough=True) == []


def test_what_should_have_been_written_is_missed(root):
    with pytest.raises(RuntimeError, match="out should have been written"):
        build(root, lambda folder, earlier: {})


def test_a_full_disk_keeps_what_was_current(root, monkeypatch):
    old = build(root, Work())

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            build(root, Work(), config={"seed": 7})
    assert get(Slot(root, "demo", "a")) == old.folder
    assert not build(root, Work(), config={"seed": 7}).reused


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"../../x", b"no such version", b"0123456789abcdef"])
def test_a_pointer_that_cannot_be_followed_is_none(root, content):
    build(root, work := Work())
    slot = Slot(root, "demo", "a")
    slot.pointer.write_bytes(content)
    assert find(slot) is None
    with pytest.raises(InputError, match=r"demo/a has not been materialised in .*; materialise it first"):
        get(slot)
    build(root, work)
    assert find(slot) is not None
    assert work.calls == 1


def _hold(root: Path, ready, done) -> None:
    def waits(folder: Path, earlier) -> dict[str, int]:
        ready.set()
        done.wait(30)
        return Work()(folder, earlier)

    build(root, waits)


@pytest.fixture
def context():
    return multiprocessing.get_context("fork")


def test_two_at_once_are_refused_and_a_killed_holder_leaves_no_lock(root, context):
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(root, ready, done))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(InputError, match=rf"\(demo/a\): process {holder.pid} is at work on it already"):
        build(root, Work())
    assert build(root, Work(), config={"other": 1}, current=False).reused is False  # another version may be made
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert not build(root, Work()).reused


def _wait_for_turn(path: Path, ready, done) -> None:
    with turn([path], "demo/model", lambda text: None):
        ready.set()
        done.wait(30)


def test_trainings_take_turns(tmp_path, context):
    ready, done = context.Event(), context.Event()
    first = context.Process(target=_wait_for_turn, args=(tmp_path / "lock", ready, done))
    first.start()
    assert ready.wait(30)
    said: list[str] = []

    def hear(text: str) -> None:
        said.append(text)
        done.set()

    with turn([tmp_path / "lock"], "demo/other", hear):
        assert said == [f"waiting for another training to end (demo/model of process {first.pid})"]
    first.join()


def test_two_trainings_run_at_a_time_where_there_are_two_locks(tmp_path, context):
    ready, done = context.Event(), context.Event()
    locks = [tmp_path / "lock", tmp_path / "lock-2"]
    first = context.Process(target=_wait_for_turn, args=(locks[0], ready, done))
    first.start()
    assert ready.wait(30)
    said: list[str] = []
    with turn(locks, "demo/other", said.append):
        assert not said
        assert all(acquire(path) is None for path in locks)
    done.set()
    first.join()


# --- retention ------------------------------------------------------------------------------------------------------


def folders(found) -> set[str]:
    return {one.folder.name for one in found}


def test_coming_back_to_a_version_keeps_it(root):
    """Make A, try B, return to A, try C: A was current all the time that mattered, and nothing was deleted."""
    made = [build(root, Work(), config={"try": one}) for one in "ABAC"]
    assert made[2].reused
    assert len(list((root / "demo" / "a" / "versions").glob("*/run.json"))) == 3
    assert folders(garbage(root)) == {made[0].key, made[1].key}
    build(root, Work(), config={"try": "A"})
    assert folders(garbage(root)) == {made[1].key, made[3].key}


def test_what_a_kept_version_was_made_from_stays(root):
    old = build(root, Work(b"old"), config={"try": 1})
    down = build(root, Work(), name="down", inputs={"a": old.folder})
    build(root, Work(b"new"), config={"try": 2})
    assert garbage(root) == []
    assert kept(root)[old.folder] == [f"down {down.key} is made from it"]
    newer = build(root, Work(), name="down", inputs={}, config={"alone": 1})
    assert folders(garbage(root)) == {old.key, down.key}
    assert newer.folder in kept(root)


def test_a_pin_and_an_experiment_keep_a_version(root):
    slot = Slot(root, "demo", "a")
    first = build(root, Work(), config={"try": 1})
    second = build(root, Work(), config={"try": 2}, experiment="wider")
    build(root, Work(), config={"try": 3})
    pin(slot, first.key, "the one of the paper")
    assert garbage(root) == []
    assert kept(root)[second.folder] == ["experiments/wider/main"]
    unpin(slot, first.key)
    assert folders(garbage(root)) == {first.key}
    for wrong in (lambda: pin(slot, "nowhere", ""), lambda: unpin(slot, first.key)):
        with pytest.raises(InputError, match="demo/a: "):
            wrong()


def test_unfinished_versions_and_strangers_are_garbage_unless_a_run_would_go_on_with_them(root):
    def fails(folder: Path, earlier) -> dict[str, int]:
        write_bytes(folder / "checkpoint", b"1234")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        build(root, fails, config={"steps": 1})
    (root / "demo" / "stranger").mkdir()
    (root / "demo" / "a" / "spectral" / "0123").mkdir(parents=True)  # as an earlier layout of the store had it
    (unfinished, older, stranger) = garbage(root)
    assert unfinished.why == "unfinished, and of another recipe"
    assert (older.why, stranger.why) == ("no part of this store", "no asset of this store")
    assert unfinished.bytes > 4
    left = [one.folder.name for one in garbage(root, lambda recipe: recipe["config"] == {"steps": 1})]
    assert left == ["spectral", "stranger"]


def test_garbage_is_shown_before_it_is_deleted(root):
    old = build(root, Work(), config={"try": 1})
    new = build(root, Work(), config={"try": 2})
    set_aside(build(root, Work(), config={"try": 3}, current=False).folder, "a bit flipped")
    found = garbage(root)
    assert [one.why for one in found] == ["nothing refers to it", "damaged: a bit flipped"]
    assert old.folder.is_dir()
    assert all(collect(root, one) for one in found)
    assert not old.folder.exists()
    assert garbage(root) == []
    assert Version(new.folder).record["config"] == {"try": 2}
    assert not list(root.rglob(f"{old.key}*"))


def test_what_is_read_or_has_become_current_since_is_not_deleted(root):
    old = build(root, Work(), config={"try": 1})
    build(root, Work(), config={"try": 2})
    with reading([lock_path(old.folder)]):
        (one,) = garbage(root)
        assert one.in_use
        assert not collect(root, one)
        with pytest.raises(InputError, match="is at work on it already"):
            set_aside(old.folder, "x")
    publish(Slot(root, "demo", "a"), old.folder)
    assert not collect(root, one)  # listed before it became current
    assert old.folder.is_dir()


def _collect_slowly(root: Path, ready, done) -> None:
    (one,) = garbage(root)
    descriptor = acquire(lock_path(one.folder))
    assert descriptor is not None
    ready.set()
    done.wait(30)
    os.close(descriptor)
    assert collect(root, one)


def test_a_lock_file_that_was_deleted_is_not_mistaken_for_the_one_of_today(root, context):
    """Whoever waits for a lock that gc deletes with its version locks the new file, not the old one."""
    build(root, Work(), config={"try": 1})
    build(root, Work(), config={"try": 2})
    (one,) = garbage(root)
    path = lock_path(one.folder)
    stale = os.open(path, os.O_RDWR)
    assert collect(root, one)
    fcntl.flock(stale, fcntl.LOCK_EX)  # held on a file that has no name any more
    again = acquire(path)
    assert again is not None
    assert os.path.samestat(os.fstat(again), path.stat())
    os.close(again)
    os.close(stale)


def test_a_version_that_is_being_made_is_not_garbage_to_collect(root, context):
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(root, ready, done))
    holder.start()
    assert ready.wait(30)
    (one,) = garbage(root)
    assert one.in_use
    assert not collect(root, one)
    done.set()
    holder.join()
    time.sleep(0)
    assert garbage(root) == []
