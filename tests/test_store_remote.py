"""A store in a bucket: made once for all machines, whole or absent for every one, bounded here, named when damaged."""

import json
import os
import time

import pytest
from tiny_machines import Files, Machine
from tiny_s3 import SECRET

from assets.store.locks import reading
from assets.store.pointers import Slot, find, get, is_made, lock_path, recorded
from assets.store.record import RUN, damage
from assets.store.remote.objects import ABSENT, Bucket, Conflict, Unreachable, split_url
from assets.store.versions import Making, Recipe, make
from data.errors import InputError, explain
from data.files.checked_json import with_checksum
from data.files.durable import write_bytes


def test_what_one_machine_made_another_one_finds(tmp_path, url):
    first, second, work = Machine(tmp_path / "1", url), Machine(tmp_path / "2", url), Files()
    up = first.build(work)
    down = first.build(Files(b"down"), "down", a=up.folder)
    assert find(second.slot("none")) is None
    folder, record = recorded(second.slot("down"))
    assert is_made(second.slot("down"))
    assert not folder.exists()  # its record alone was read
    assert record == down.record
    found = get(second.slot("down"))
    assert found == folder == second.root / down.folder.relative_to(first.root)
    assert damage(found) is None
    assert (found / "more/of it").read_bytes() == b"down" * 7
    again = second.build(work)
    assert (again.reused, work.calls, again.fingerprint) == (True, 1, up.fingerprint)
    below = second.build(Files(), "down", a=again.folder)  # the same key, since the fingerprints are the same
    assert (below.reused, below.key) == (True, down.key)
    assert second.said == [f"demo/a/versions/{up.key}: copying 3 files, 0.0 MB, from the bucket"]


def test_what_was_finished_here_before_goes_up(tmp_path, url):
    machine = Machine(tmp_path / "1", url)
    local = Slot(machine.root, "demo", "a")
    make(local, Recipe("1", {}, {}, ("out",)), Making(work := Files(), {}))
    assert machine.build(work).reused
    assert work.calls == 1
    assert (get(Machine(tmp_path / "2", url).slot()) / "out").read_bytes() == b"xxx"


def test_an_experiment_has_its_own_versions(tmp_path, url):
    first, second = Machine(tmp_path / "1", url), Machine(tmp_path / "2", url)
    used = first.build(Files())
    assert get(second.slot(experiment="wider")).name == used.key
    slot = first.slot(experiment="wider")
    tried = make(slot, Recipe("1", {"wider": 1}, {}, ("out",)), Making(Files(b"tried"), {}))
    first.remote.publish(slot, tried.folder)
    assert (get(second.slot(experiment="wider")).name, get(second.slot()).name) == (tried.key, used.key)


def test_a_copy_that_rots_is_copied_again(tmp_path, url):
    first, second = Machine(tmp_path / "1", url), Machine(tmp_path / "2", url)
    first.build(Files())
    folder = get(second.slot())
    (folder / "out").write_bytes(b"xyx")
    assert (get(second.slot()) / "out").read_bytes() == b"xxx"
    (folder / RUN).write_bytes(b"{")
    assert damage(get(second.slot())) is None


def _objects(url: str) -> dict[str, bytes]:
    bucket = Bucket(url)
    return {one.path: bucket.read(one.path)[0] for one in bucket.list()}


@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_a_damaged_object_is_named_and_made_afresh(tmp_path, url, harm):
    first, second = Machine(tmp_path / "1", url), Machine(tmp_path / "2", url)
    made = first.build(Files())
    (path,) = [one for one in _objects(url) if one.endswith("/out")]
    bucket = Bucket(url)
    bucket.delete([path]) if harm == "delete" else bucket.write(path, {"flip": b"xyx", "cut": b"x"}[harm])
    with pytest.raises(InputError, match=f"{path}: .* materialise demo/a again, which sets this version aside"):
        get(second.slot())
    assert not (second.root / "demo/a/versions" / made.key / RUN).exists()
    assert not second.build(work := Files()).reused
    assert work.calls == 1
    third = Machine(tmp_path / "3", url)
    assert (get(third.slot()) / "out").read_bytes() == b"xxx"
    assert any(json.loads(one)["reason"] for path, one in _objects(url).items() if path.endswith("damaged.json"))


@pytest.mark.parametrize("name", ["../../../../out", "/etc/out", "more/../../out", "..\\out", ".", "a//b"])
def test_a_record_that_leads_out_of_its_folder_is_refused(tmp_path, url, name):
    machine = Machine(tmp_path / "1", url)
    made = machine.build(Files())
    record = {**made.record, "files": {name: next(iter(made.record["files"].values()))}}
    place = f"demo/a/versions/{made.key}/{RUN}"
    Bucket(url).write(place, json.dumps(with_checksum(record)).encode())
    with pytest.raises(InputError, match="is no name of a file"):
        get(Machine(tmp_path / "2", url).slot())
    assert not list(tmp_path.rglob("2/**/out"))


def test_copies_stay_below_the_limit_and_what_is_read_stays(tmp_path, url):
    first = Machine(tmp_path / "1", url)
    made = [first.build(Files(b"%d" % number * 1000), f"a{number}") for number in range(4)]
    second = Machine(tmp_path / "2", url, limit=30_000)  # a version has 10,000 bytes, and its run.json

    def here() -> set[str]:
        return {path.parent.parent.parent.name for path in second.root.glob(f"*/*/versions/*/{RUN}")}

    for number in (0, 1):
        get(second.slot(f"a{number}"))
        time.sleep(0.01)
    get(second.slot("a0"))  # used again: a1 is the one that was used least recently
    get(second.slot("a2"))
    assert here() == {"a0", "a2"}
    with reading([lock_path(get(second.slot("a0")))]):
        get(second.slot("a3"))
        get(second.slot("a1"))
        assert "a0" in here()
        assert len(here()) == 2
    assert damage(get(second.slot("a2"))) is None  # it comes again
    tight = Machine(tmp_path / "3", url, limit=1)
    with tight.remote.working(tight.slot("down"), print):  # what one piece of work needs is never too much
        folders = [get(tight.slot(f"a{number}")) for number in range(4)]
        assert all(damage(folder) is None for folder in folders)
    assert [one.key for one in made] == [folder.name for folder in folders]


def test_what_the_bucket_does_not_have_is_never_deleted(tmp_path, url):
    first, second = Machine(tmp_path / "1", url), Machine(tmp_path / "2", url, limit=1)
    first.build(Files())
    only = make(
        second.slot("b").__class__(second.root, "demo", "b"), Recipe("1", {}, {}, ("out",)), Making(Files(), {})
    )
    get(second.slot())
    assert damage(only.folder) is None


def test_an_error_of_the_bucket_is_one_line_without_the_secret(tmp_path, url, monkeypatch):
    monkeypatch.setattr("assets.store.remote.objects._TRIES", 1)
    told = [_error(Machine(tmp_path / "1", "s3://nowhere/x"))]
    assert "there is no such bucket; create it, or correct TESSITURA_STORE" in told[0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    bucket = Bucket(url, patience=0.2)
    with pytest.raises(Unreachable) as error:
        bucket.read("a")
    told += [explain(error.value), explain(error.value, tmp_path / "errors.log")]
    assert f"{url}/a: the bucket does not answer" in told[1]
    assert all(SECRET not in one and "\n" not in one for one in told)
    assert SECRET not in (tmp_path / "errors.log").read_text()


def _error(machine: Machine) -> str:
    with pytest.raises(InputError) as error:
        machine.build(Files())
    return explain(error.value)


@pytest.mark.parametrize("text", ["s3://", "s4://b/c", "s3://user:word@b/c", "https://b/c", "s3://b/c?x=1"])
def test_what_is_no_url_of_a_bucket_is_refused(text):
    with pytest.raises(InputError) as error:
        split_url(text)
    assert "word" not in str(error.value).replace("password", "")


def test_a_conditional_put_has_one_winner(tmp_path, url):
    bucket = Bucket(url)
    state = bucket.replace("a", b"1", ABSENT)
    for stale in (ABSENT, '"other"'):
        with pytest.raises(Conflict):
            bucket.replace("a", b"2", stale)
    assert bucket.replace("a", b"1", ABSENT) == state  # the answer to the first try may have been lost
    assert bucket.replace("a", b"3", state) != state
    assert bucket.read("a")[0] == b"3"
    with pytest.raises(Conflict):
        bucket.replace("none", b"2", state)


def test_large_files_go_up_in_parts_and_come_back(tmp_path, url, monkeypatch):
    monkeypatch.setattr("assets.store.remote.objects._PART", 1 << 20)
    content = os.urandom(11 << 20)

    def work(folder, earlier):
        write_bytes(folder / "out", content)
        return {}

    Machine(tmp_path / "1", url).build(work)
    assert (get(Machine(tmp_path / "2", url).slot()) / "out").read_bytes() == content
