"""The store: found when nothing changed, made again when something did, whole whatever happens."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from assets.setup import override
from assets.store import Recipe, Store, discard, fingerprint, plain, published
from data.errors import InputError
from data.files.durable import read_json, write_bytes
from models.synthesis.config import SynthesisConfig


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(root=str(tmp_path / "store"))


class Work:
    """Writes a file and counts how often it was asked to."""

    def __init__(self, content: bytes = b"x") -> None:
        self.content, self.calls = content, 0

    def __call__(self, folder: Path) -> dict[str, int]:
        self.calls += 1
        write_bytes(folder / "out", self.content)
        return {"calls": self.calls}


def make(store: Store, work, *, name="a", partition=None, code="1", config=None, inputs=None):
    return store.make(name, partition, code, Recipe(config or {}, inputs or {}, ("out",)), work)


def test_the_same_recipe_is_found_made(store):
    work = Work()
    first, second = make(store, work), make(store, work)
    assert (first.reused, second.reused, work.calls) == (False, True, 1)
    assert first.folder == second.folder == published(store.home("a"))
    assert first.facts["summary"] == {"calls": 1}
    assert first.facts["provenance"]["packages"]["torch"]


@pytest.mark.parametrize("change", [{"code": "2"}, {"config": {"steps": 5}}, {"name": "b"}])
def test_another_recipe_is_made_anew(store, change):
    work = Work()
    make(store, work)
    assert not make(store, work, **change).reused
    assert work.calls == 2


def test_what_is_downstream_is_stale_only_if_the_content_changed(store):
    up, down = Work(b"same"), Work()
    made = make(store, up, config={"seed": 1})
    make(store, down, name="down", inputs={"a": made.folder})
    again = make(store, up, config={"seed": 2})
    assert make(store, down, name="down", inputs={"a": again.folder}).reused
    other = make(store, Work(b"different"), config={"seed": 3})
    assert not make(store, down, name="down", inputs={"a": other.folder}).reused


def test_a_changed_file_is_made_again(store):
    work = Work()
    made = make(store, work)
    (made.folder / "out").write_bytes(b"tampered")
    assert not make(store, work).reused
    assert (made.folder / "out").read_bytes() == b"x"


def test_a_failure_keeps_the_old_version_published_and_its_work(store):
    work = Work()
    old = make(store, work)

    def fails(folder: Path) -> dict[str, int]:
        write_bytes(folder / "checkpoint", b"half way")
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        make(store, fails, config={"steps": 9})
    assert published(store.home("a")) == old.folder

    def resumes(folder: Path) -> dict[str, int]:
        assert (folder / "checkpoint").read_bytes() == b"half way"
        return work(folder)

    new = make(store, resumes, config={"steps": 9})
    assert published(store.home("a")) == new.folder != old.folder


def test_leavings_of_a_killed_writer_and_checkpoints_are_cleared(store):
    def leaves(folder: Path) -> dict[str, int]:
        write_bytes(folder / "out.123.partial", b"")
        write_bytes(folder / "step-000000005.json", b"")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        make(store, leaves)

    def looks(folder: Path) -> dict[str, int]:
        assert sorted(path.name for path in folder.iterdir()) == ["step-000000005.json"]
        return Work()(folder)

    made = make(store, looks)
    assert sorted(path.name for path in made.folder.iterdir()) == ["out", "run.json"]


def test_missing_essence_is_an_error(store):
    with pytest.raises(RuntimeError, match="out should have been written"):
        make(store, lambda folder: {})


def test_only_the_two_newest_versions_are_kept(store):
    for seed in range(5):
        make(store, Work(), config={"seed": seed})
    assert len([one for one in store.home("a").iterdir() if one.is_dir()]) == 2


def test_partitions_that_come_to_the_same_are_made_once(store):
    work = Work()
    make(store, work, partition="spectral")
    second = make(store, work, partition="no_time_embedding")
    assert (second.reused, work.calls) == (True, 1)
    assert (second.folder / "out").read_bytes() == b"x"
    assert not make(store, work, partition="waveform", config={"loss": "waveform"}).reused


def _hold(root: str, ready, done) -> None:
    def waits(folder: Path) -> dict[str, int]:
        ready.set()
        done.wait(30)
        return Work()(folder)

    make(Store(root=root), waits)


def test_two_at_once_are_refused_and_a_killed_holder_leaves_no_lock(store):
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(store.root, ready, done))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(InputError, match=f"process {holder.pid} is making this asset already"):
        make(store, Work())
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    assert not make(store, Work()).reused


def test_what_is_not_there_says_what_to_do(store, tmp_path):
    with pytest.raises(InputError, match=r"a/spectral has not been materialised in .*; materialise it first"):
        store.current("a", "spectral")
    with pytest.raises(InputError, match="not finished"):
        fingerprint(tmp_path)


def test_a_pointer_to_a_deleted_version_is_no_version(store):
    made = make(store, Work())
    (made.folder / "run.json").unlink()
    assert published(store.home("a")) is None


def test_a_full_disk_keeps_what_was_published(store, monkeypatch):
    old = make(store, Work())

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            make(store, Work(), config={"seed": 7})
    assert published(store.home("a")) == old.folder
    assert read_json(old.folder / "run.json")["asset"] == "a"
    assert not make(store, Work(), config={"seed": 7}).reused


def test_configurations_become_plain_values():
    found = plain([SynthesisConfig(), (1, 2), {"a": None}])
    assert found[0]["train_autoencoder"]["batch_size"] == 256
    assert found[0]["pitch_shifts"] == [0]
    assert found[1:] == [[1, 2], {"a": None}]


def test_overrides_reach_nested_fields():
    changed = override(SynthesisConfig(), {"fine_tune.steps": 7, "pitch_shifts": [-1, 0], "fine_tune.learning_rate": 1})
    assert changed.fine_tune.steps == 7
    assert changed.fine_tune.learning_rate == 1.0
    assert changed.pitch_shifts == (-1, 0)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"fine_tun.steps": 1}, "no field 'fine_tun'; there are autoencoder, sequence"),
        ({"fine_tune.step": 1}, "no field 'step'"),
        ({"fine_tune.steps.x": 1}, "there are none below it"),
        ({"fine_tune.steps": "7"}, "'7' is no int .now 18080"),
        ({"fine_tune.compile": 1}, "1 is no bool"),
    ],
)
def test_wrong_overrides_are_refused(overrides, message):
    with pytest.raises(InputError, match=message):
        override(SynthesisConfig(), overrides)


def test_a_file_that_is_gone_or_cut_makes_the_version_anew(store):
    class Both(Work):
        def __call__(self, folder):
            assert not (folder / "shard").exists()  # what is no longer whole is not built upon
            write_bytes(folder / "shard", b"many bytes")
            return super().__call__(folder)

    work = Both()
    made = make(store, work)
    (made.folder / "shard").write_bytes(b"many")
    assert not make(store, work).reused
    (made.folder / "shard").unlink()
    assert not make(store, work).reused
    assert make(store, work).reused
    assert work.calls == 3


def test_a_version_given_up_is_made_afresh(store):
    work = Work()
    discard(make(store, work).folder)
    assert published(store.home("a")) is None
    assert not make(store, work).reused
