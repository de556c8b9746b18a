"""A shared store under faults: racing, killed and paused machines, and a network that fails."""

import json
import os
import signal
import threading
import time

import pytest
from tiny_machine import go_on, line, started
from tiny_machines import Files, Machine
from tiny_s3 import Proxy

from assets.store.pointers import Slot, find, get
from assets.store.record import damage
from assets.store.remote.leases import Lease, Replaced
from assets.store.remote.objects import ABSENT, Bucket, Conflict
from assets.store.remote.uploading import upload
from assets.store.versions import Making, Recipe, make
from data.errors import InputError

SECONDS = 2.0  # after which a silent holder is replaced, in these tests


@pytest.fixture
def proxy(s3, url, monkeypatch):
    server = Proxy(s3)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_of_two_machines_one_makes_it_and_the_other_is_told(tmp_path, url):
    with started(tmp_path / "1", url, SECONDS, "x", "working") as child:
        assert line(child) == "working"
        other = Machine(tmp_path / "2", url, seconds=SECONDS)
        with pytest.raises(InputError, match=f"process {child.pid} is at work on it; wait for it or stop it"):
            other.build(Files())
        assert "waiting up to 2 s to see whether it is alive" in other.said[0]
        go_on(child)
        assert line(child).startswith("published")
    assert other.build(work := Files()).reused
    assert work.calls == 0


def test_of_two_machines_that_publish_at_once_one_wins(tmp_path, url):
    """Both have begun when the slot was empty, and both have made a version of their own."""
    first = started(tmp_path / "1", url, SECONDS, "x", "made", "--config", "1")
    second = started(tmp_path / "2", url, SECONDS, "y", "made", "--config", "2")
    with first as one, second as two:
        assert {line(one), line(two)} == {"made"}
        go_on(one)
        go_on(two)
        said = sorted((line(one), line(two)))
    assert said[0].startswith("published")
    assert "another machine has published, or taken over this work, since it was begun; run again" in said[1]
    assert get(Machine(tmp_path / "3", url).slot()).name == said[0].split()[1]


def test_of_many_writers_of_one_record_one_wins(tmp_path, url):
    """As many threads as machines finish versions of one key with contents of their own, at the same moment."""
    machines = [Machine(tmp_path / str(number), url) for number in range(12)]
    folders = []
    for number, machine in enumerate(machines):
        slot = Slot(machine.root, "demo", "a")
        folders.append(make(slot, Recipe("1", {}, {}, ("out",)), Making(Files(b"%d" % number), {})).folder)
    bucket, place, won = Bucket(url), f"demo/a/versions/{folders[0].name}", [False] * 12
    together = threading.Barrier(12)

    def finish(number: int) -> None:
        lease = Lease(bucket, f"demo/a/leases/{number}.json", home=str(number))
        lease.take("demo/a/current/main", print)
        together.wait()
        won[number] = upload(bucket, place, folders[number], lease)
        lease.release()

    threads = [threading.Thread(target=finish, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == 1
    reader = Machine(tmp_path / "reader", url)
    reader.remote.publish(reader.slot(), reader.remote.folder_of(place))
    assert (get(reader.slot()) / "more/of it").read_bytes() == b"%d" % won.index(True) * 7
    late = machines[won.index(False)]  # one that lost takes what won
    assert (late.build(Files(b"other")).folder / "out").read_bytes() == b"%d" % won.index(True) * 3


def test_a_writer_killed_between_any_two_puts_leaves_no_half_version(tmp_path, url, proxy):
    """Signal 9 at its first put, its second, and so on, until it comes to its end; then another machine goes on."""
    for number in range(1, 60):
        puts, children = [], []

        def kill(count: int, text: str, number: int = number, puts: list = puts, children: list = children) -> str:
            puts.extend([text] if text.startswith(("PUT", "POST")) else [])
            if len(puts) == number and text.startswith("PUT"):
                os.kill(children[0].pid, signal.SIGKILL)
                return "" if number % 2 else "cut"  # its last put is made, or it is not
            return ""

        place = f"{url}/{number}"
        with started(tmp_path / f"{number}-1", place, SECONDS / 2, "x", "working") as child:
            children.append(child)
            proxy.fault = kill
            if line(child) == "working":
                go_on(child)
            ended = line(child)
            child.wait(60)
        proxy.fault = lambda count, text: ""
        reader = Machine(tmp_path / f"{number}-{1 + number % 2}", place, seconds=SECONDS)  # the same one, or another
        found = find(reader.slot())
        assert found is None or damage(found) is None
        made = reader.build(Files())
        assert (made.folder / "more/of it").read_bytes() == b"x" * 7
        assert get(Machine(tmp_path / f"{number}-3", place).slot()).name == made.key
        if ended.startswith("published"):
            break
    assert number > 8  # it was killed at the lease, checkpoint, each file, the record, and the pointer


def test_a_holder_that_is_paused_is_replaced_and_cannot_publish(tmp_path, url):
    with started(tmp_path / "1", url, SECONDS, "x", "working") as child:
        assert line(child) == "working"
        child.send_signal(signal.SIGSTOP)
        other = Machine(tmp_path / "2", url, seconds=SECONDS)

        def work(folder, earlier):
            assert (folder / "step-1").read_bytes() == b"half way"  # what the first one had done until then
            return Files(b"y")(folder, earlier)

        made = other.build(work)
        assert "going on from the checkpoint of another machine" in other.said[1]
        child.send_signal(signal.SIGCONT)
        go_on(child)
        assert "another machine has taken over this work" in line(child)
    for number in (1, 3):
        folder = get(Machine(tmp_path / str(number), url).slot())
        assert (folder / "out").read_bytes() == b"yyy"
        assert folder.name == made.key


def test_a_holder_that_is_paused_before_it_publishes_does_not_undo_what_came_after(tmp_path, url):
    with started(tmp_path / "1", url, SECONDS, "x", "made") as child:
        assert line(child) == "made"
        child.send_signal(signal.SIGSTOP)
        made = Machine(tmp_path / "2", url, seconds=SECONDS).build(Files(b"y"), config={"newer": 1})
        child.send_signal(signal.SIGCONT)
        go_on(child)
        assert "another machine has published" in line(child)
    assert get(Machine(tmp_path / "3", url).slot()).name == made.key


def test_a_replaced_holder_cannot_publish_even_if_nobody_has_published_since(tmp_path, url):
    """It is overtaken between its last look at its lease and the put of the pointer."""
    first, second = Machine(tmp_path / "1", url, seconds=SECONDS), Machine(tmp_path / "2", url, seconds=SECONDS)
    slot, recipe = first.slot(), Recipe("1", {}, {}, ("out",))
    first.build(Files(b"old"), config={"older": 1})
    with started(tmp_path / "1", url, SECONDS, "x", "working") as child:
        assert line(child) == "working"
        child.send_signal(signal.SIGSTOP)
        state = Bucket(url).read("demo/a/current/main")[1]

        def work(folder, earlier):
            with pytest.raises(Conflict):  # what the paused one would do next, if it did not look at its lease again
                Bucket(url).replace("demo/a/current/main", b"{}", state)
            return Files(b"y")(folder, earlier)

        with second.remote.working(second.slot(), print):
            made = make(second.slot(), recipe, Making(work, {}))
            assert get(Machine(tmp_path / "3", url).slot()) != made.folder  # not yet published
            second.remote.publish(second.slot(), made.folder)
    assert get(slot).name == made.key


def test_a_dead_holder_is_replaced_and_on_its_own_machine_at_once(tmp_path, url):
    for number, patience in (("2", SECONDS), ("1", 600.0)):
        with started(tmp_path / "1", f"{url}/{number}", patience, "x", "working") as child:
            assert line(child) == "working"
        other = Machine(tmp_path / number, f"{url}/{number}", seconds=patience)
        assert not other.build(Files(b"y")).reused
        assert ("to see whether it is alive" in " ".join(other.said)) == (number == "2")


def test_a_lease_that_is_lost_is_told_and_stays_lost(tmp_path, url):
    bucket = Bucket(url)
    lease = Lease(bucket, "demo/a/leases/k.json", home="1", seconds=600)
    lease.take("demo/a/current/main", print)
    lease.check()
    taken = Lease(bucket, "demo/a/leases/k.json", home="1")  # its own machine knows that it is dead
    taken.take("demo/a/current/wide", print)
    assert (lease.token, taken.token) == (1, 2)
    assert taken.overtaken == ["demo/a/current/main"]
    for _ in range(2):
        with pytest.raises(Replaced, match="another machine has taken over"):
            lease.check()
    lease.release()  # gives nothing back that it does not hold
    taken.check()
    taken.release()
    again = Lease(bucket, "demo/a/leases/k.json", home="3")
    again.take("demo/a/current/main", print)
    assert (again.token, again.overtaken) == (3, [])
    again.release()


def test_a_lease_names_no_pointer_of_another_asset(url):
    bucket = Bucket(url)
    hostile = ["demo/b/current/main", "../x", "demo/a/versions/k/run.json", "demo/a/current/main"]
    content = {"owner": "x", "home": "1", "token": 1, "seconds": 9, "pointers": hostile, "released": False}
    for number, text in enumerate((b"{", b"[]", b'{"token": "x"}', json.dumps(content).encode())):
        bucket.replace(f"demo/a/leases/{number}.json", text, ABSENT)
        lease = Lease(bucket, f"demo/a/leases/{number}.json", home="1")
        lease.take("demo/a/current/main", print)
        assert lease.overtaken == (["demo/a/current/main"] if number == 3 else [])
        lease.release()


@pytest.mark.parametrize("kind", ["500", "cut", "lost", "half", "slow"])
@pytest.mark.parametrize("every", [2, 3])
def test_a_network_that_fails_now_and_then_changes_nothing(tmp_path, url, proxy, kind, every):
    proxy.fault = lambda count, text: kind if count % every == 0 else ""
    first, second = Machine(tmp_path / "1", url), Machine(tmp_path / "2", url)
    made = first.build(work := Files())
    assert (work.calls, damage(get(second.slot()))) == (1, None)
    assert second.build(Files()).key == made.key
    assert proxy.count > 10


def test_a_network_that_fails_for_good_is_told_and_nothing_is_lost(tmp_path, url, proxy, monkeypatch):
    monkeypatch.setattr("assets.store.remote.objects._TRIES", 1)
    machine = Machine(tmp_path / "1", url, seconds=600)
    machine.remote._bucket = machine.remote._cache._bucket = machine.remote._heart = Bucket(url, patience=0.3)
    for number in range(1, 40):
        proxy.count = 0
        proxy.fault = lambda count, text, number=number: "cut" if count >= number else ""
        said, work = "", Files()
        try:
            machine.build(work)
        except ConnectionError as error:
            said = str(error)
        if not said:
            break
        assert "the bucket does not answer" in said
        proxy.fault = lambda count, text: ""
        assert (found := find(Machine(tmp_path / f"r{number}", url).slot())) is None or damage(found) is None
    assert number > 8
    assert work.calls == 0  # it was made by an earlier try, and only had to go up
    assert (get(Machine(tmp_path / "2", url).slot()) / "out").read_bytes() == b"xxx"


def test_the_lease_is_renewed_by_itself(tmp_path, url):
    bucket = Bucket(url)
    lease = Lease(bucket, "demo/a/leases/k.json", home="1", seconds=0.4)
    lease.take("demo/a/current/main", print)
    first, deadline = bucket.read(lease.path)[1], time.monotonic() + 60
    while bucket.read(lease.path)[1] == first and time.monotonic() < deadline:
        time.sleep(0.05)
    assert bucket.read(lease.path)[1] != first
    lease.release()
