"""Verifying a bucket, deleting what nothing refers to, pins and experiments of a shared store."""

import json
from datetime import timedelta

import pytest
from tiny_machines import Files, Machine
from typer.testing import CliRunner

from assets.store.pointers import find, get
from assets.store.remote import upkeep
from assets.store.remote.objects import Bucket
from assets.store.remote.upkeep import collect, garbage, verify
from assets.store.retention import pin, unpin
from assets.store.versions import Making, Recipe, make
from data.errors import InputError
from pipelines.cli import app
from pipelines.settings import Settings
from pipelines.upkeep import set_one_aside, verified


@pytest.fixture
def old(monkeypatch):
    """As if everything in the bucket had been written long ago."""
    monkeypatch.setattr(upkeep, "_AGE", timedelta(seconds=-60))


@pytest.fixture
def machine(tmp_path, url) -> Machine:
    return Machine(tmp_path / "1", url, seconds=0.5)


def _stopped(machine: Machine, config: dict) -> None:
    def work(folder, earlier):
        (folder / "step-1").write_bytes(b"half way")
        machine.remote.saved(folder)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        machine.build(work, config=config)


def test_everything_is_whole_or_named(machine, url):
    up = machine.build(Files())
    down = machine.build(Files(b"down"), "down", a=up.folder)
    assert [one.damage for one in verify(machine.remote)] == [[]] * 4
    bucket = Bucket(url)
    paths = {one.path.split("/")[-1]: one.path for one in bucket.list(f"demo/a/versions/{up.key}")}
    bucket.write(paths["out"], b"xyx")
    bucket.write(paths["of it"], b"x")
    bucket.delete([f"demo/down/versions/{down.key}/run.json", paths["empty"]])
    found = {one.place.removeprefix(f"{url}/"): one.damage for one in verify(machine.remote) if one.damage}
    assert found == {
        f"demo/a/versions/{up.key}": [
            "more/of it: its content is not what was written",
            "out: its content is not what was written",
        ],
        "demo/down/current/main": [f"names {down.key}, which is no finished version"],
    }
    bucket.write(f"demo/a/versions/{up.key}/run.json", b"{")
    assert any("run.json: cannot be read" in one.damage[0] for one in verify(machine.remote) if one.damage)


@pytest.mark.usefixtures("old")
def test_what_nothing_refers_to_is_deleted_and_what_is_needed_stays(tmp_path, machine, url):
    up = machine.build(Files())
    down = machine.build(Files(b"down"), "down", a=up.folder)
    pinned, waste = (machine.build(Files(), config={"try": number}) for number in (1, 2))
    machine.build(Files(), config={"try": 3})
    pin(machine.slot(), pinned.key, "of the paper")
    found = garbage(machine.remote)
    assert [(one.place, one.why, one.in_use) for one in found] == [
        (f"demo/a/versions/{waste.key}", "nothing refers to it", False)
    ]  # not `up`, which is superseded, but `down` was made from it
    assert found[0].bytes > 10
    assert collect(machine.remote, found[0])
    assert garbage(machine.remote) == []
    assert not [one for one in Bucket(url).list() if waste.key in one.path and "leases" not in one.path]
    assert all(not one.damage for one in verify(machine.remote))
    second = Machine(tmp_path / "2", url)
    assert get(second.slot("down")).name == down.key
    unpin(second.slot(), pinned.key)
    assert [one.key for one in garbage(machine.remote)] == [pinned.key]
    with pytest.raises(InputError, match="is not pinned"):
        unpin(second.slot(), waste.key)


def test_what_was_written_today_is_left_alone(machine):
    machine.build(Files(), config={"try": 1})
    machine.build(Files(), config={"try": 2})
    _stopped(machine, {"try": 3})
    found = garbage(machine.remote)
    assert [one.in_use for one in found] == [True, True]
    assert not any(collect(machine.remote, one) for one in found)


@pytest.mark.usefixtures("old")
def test_an_unfinished_version_stays_if_a_run_would_go_on_with_it(machine):
    _stopped(machine, {"try": 3})
    (one,) = garbage(machine.remote)
    assert one.why == "unfinished, and of another recipe"
    assert garbage(machine.remote, lambda recipe: recipe["config"] == {"try": 3}) == []
    assert collect(machine.remote, one)
    assert garbage(machine.remote) == []


@pytest.mark.usefixtures("old")
def test_what_is_published_or_being_made_meanwhile_is_not_deleted(tmp_path, machine, url):
    old, _ = (machine.build(Files(), config={"try": number}) for number in (1, 2))
    (one,) = garbage(machine.remote)
    machine.remote.publish(machine.slot(), old.folder)
    assert not collect(machine.remote, one)
    assert find(Machine(tmp_path / "2", url).slot()).name == old.key
    assert all(not one.damage for one in verify(machine.remote))
    _stopped(machine, {"try": 3})
    third = Machine(tmp_path / "3", url, seconds=0.5)

    def work(folder, earlier):
        found = [one for one in garbage(machine.remote) if one.why.startswith("unfinished")]
        assert [collect(machine.remote, one) for one in found] == [False]
        return Files()(folder, earlier)

    assert not third.build(work, config={"try": 3}).reused


@pytest.mark.usefixtures("old")
def test_where_damage_hides_what_is_kept_nothing_is_garbage(machine, url):
    made = machine.build(Files())
    Bucket(url).write("demo/a/current/main", b"{}")
    with pytest.raises(InputError, match=r"current/main: damaged, .* nothing can be deleted"):
        garbage(machine.remote)
    machine.build(Files())
    Bucket(url).write(f"demo/a/versions/{made.key}/run.json", b"{}")
    with pytest.raises(InputError, match="cannot be read"):
        garbage(machine.remote)


def test_experiments_are_known_on_every_machine_and_forgotten_by_all(tmp_path, machine, url):
    slot = machine.slot(experiment="wider")
    made = make(slot, Recipe("1", {}, {}, ("out",)), Making(Files(), {}))
    machine.remote.publish(slot, made.folder)
    second = Machine(tmp_path / "2", url)
    second.remote.pointers.mirror("demo")
    assert second.slot(experiment="wider").pointer.read_text() == made.key
    second.remote.pointers.forget("demo", "wider")
    assert find(machine.slot(experiment="wider")) is None


def test_the_commands_work_with_a_bucket(tmp_path, machine, url, settings, monkeypatch):
    monkeypatch.setenv("TESSITURA_STORE", url)
    made = machine.build(Files())
    old = made.folder
    machine.build(Files(), config={"try": 1})
    told = CliRunner().invoke(app, ["gc", "--json"])
    assert told.exit_code == 0, told.output
    assert [(one["folder"], one["state"]) for one in json.loads(told.output)] == [
        (f"{url}/demo/a/versions/{old.name}", "in use")
    ]
    assert "(in use)" in CliRunner().invoke(app, ["gc"]).output
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0
    assert CliRunner().invoke(app, ["status"]).exit_code == 0
    assert CliRunner().invoke(app, ["experiments"]).exit_code == 0
    (path,) = [one.path for one in Bucket(url).list(f"demo/a/versions/{old.name}") if one.path.endswith("/out")]
    Bucket(url).write(path, b"xyx")
    told = CliRunner().invoke(app, ["verify"])
    assert told.exit_code == 1
    assert f"{url}/demo/a/versions/{old.name}: out: its content is not what was written" in told.output
    found = Settings.read()
    (damaged,) = [one for one in verified(found) if one.damage]
    assert set_one_aside(found, damaged) == f"{url}/demo/a/versions/{old.name}/damaged.json"
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0
