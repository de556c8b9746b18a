"""Downloads against a real server that cuts, ignores, changes and lies."""

import fcntl
import hashlib
import threading

import pytest
from tiny_server import CONTENT, Server

from data.files.download import DownloadError, Remote, fetch
from data.files.durable import write_json

SHA = hashlib.sha256(CONTENT).hexdigest()


def get(server: Server, folder, **checks):
    options = {"tries": checks.pop("tries", 3), "pause": 0.01, "listener": checks.pop("listener", lambda report: None)}
    return fetch(Remote(server.url, **checks), folder / "file.bin", **options)


def test_a_file_arrives_whole_with_progress_and_once(tmp_path, server):
    reports = []
    path = get(server, tmp_path, size=len(CONTENT), sha256=SHA, magic=CONTENT[:4], listener=reports.append)
    assert path.read_bytes() == CONTENT
    assert (reports[-1].done, reports[-1].total) == (len(CONTENT), len(CONTENT))
    get(server, tmp_path)
    assert len(server.requests) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["file.bin"]


def test_a_connection_cut_again_and_again_is_resumed(tmp_path, server):
    server.cut_after = 2_000_000
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT
    assert "Range" not in server.requests[0]
    for before, one in zip((2_000_000, 4_000_000), server.requests[1:], strict=True):
        assert before - (1 << 17) < int(one["Range"].removeprefix("bytes=").removesuffix("-")) <= before
        assert one["If-Range"] == '"v1"'


def test_another_run_goes_on_where_the_first_gave_up(tmp_path, server):
    server.cut_after = 0
    with pytest.raises(DownloadError, match="run again to go on"):
        get(server, tmp_path)
    server.cut_after = 3_000_000
    with pytest.raises(DownloadError, match=r"2,9\d\d,\d\d\d bytes are kept in .*file.bin.partial"):
        get(server, tmp_path, tries=0)
    server.cut_after = None
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT
    assert server.requests[-1]["Range"].startswith("bytes=29")


@pytest.mark.parametrize("change", [{"ranges": False}, {"etag": '"v2"'}, {"etag": None}, {"etag": 'W/"v1"'}])
def test_a_server_that_ignores_range_or_changed_the_file_is_never_spliced(tmp_path, server, change):
    server.cut_after = 1_000_000
    with pytest.raises(DownloadError):
        get(server, tmp_path, tries=0)
    server.content, server.cut_after = CONTENT[::-1], None
    for name, value in change.items():
        setattr(server, name, value)
    if "ranges" in change:
        server.content = CONTENT
    assert get(server, tmp_path).read_bytes() == server.content


def test_without_an_etag_the_date_vouches(tmp_path, server):
    server.etag, server.modified, server.cut_after = None, "Wed, 05 Apr 2017 10:00:00 GMT", 3_000_000
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT
    assert server.requests[1]["If-Range"] == server.modified


def test_another_range_than_asked_starts_over(tmp_path, server):
    server.cut_after = 3_000_000
    with pytest.raises(DownloadError):
        get(server, tmp_path, tries=0)
    server.cut_after, server.lie = None, f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT


def test_a_partial_file_that_is_whole_already_is_taken(tmp_path, server):
    (tmp_path / "file.bin.partial").write_bytes(CONTENT)
    write_json(tmp_path / "file.bin.validator", {"url": server.url, "validator": '"v1"'})
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\xff\xfe", b'{"url": ', b"[]", b'{"validator": 7}', b'{"url": "elsewhere", "validator": "\\"v1\\""}'],
)
def test_a_damaged_note_on_the_version_starts_over(tmp_path, server, damaged):
    (tmp_path / "file.bin.partial").write_bytes(CONTENT[:-9] + b"something else")
    (tmp_path / "file.bin.validator").write_bytes(damaged)
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT
    assert "Range" not in server.requests[-1]


def test_a_note_that_would_break_a_header_starts_over(tmp_path, server):
    (tmp_path / "file.bin.partial").write_bytes(CONTENT[:9])
    write_json(tmp_path / "file.bin.validator", {"url": server.url, "validator": '"v1"\r\nX: y'})
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT
    assert "Range" not in server.requests[-1]


def test_a_partial_file_longer_than_the_servers_is_dropped(tmp_path, server):
    (tmp_path / "file.bin.partial").write_bytes(CONTENT + b"more")
    write_json(tmp_path / "file.bin.validator", {"url": server.url, "validator": '"v1"'})
    assert get(server, tmp_path, sha256=SHA).read_bytes() == CONTENT


def test_a_wrong_checksum_is_refused_and_kept_aside(tmp_path, server):
    with pytest.raises(DownloadError, match=f"its SHA-256 is {SHA}, expected 00"):
        get(server, tmp_path, sha256="00")
    assert [one.name for one in tmp_path.iterdir()] == ["file.bin.refused"]


def test_a_wrong_size_is_refused_before_it_is_fetched(tmp_path, server):
    with pytest.raises(DownloadError, match="offers 5,120,000 bytes, 7 are expected"):
        get(server, tmp_path, size=7)


def test_a_page_instead_of_the_archive_is_refused(tmp_path, server):
    server.content = b"<!doctype html><title>Please log in</title>"
    with pytest.raises(DownloadError, match=r"begins with b'<!doctype html>.*log-in page"):
        get(server, tmp_path, magic=b"\x1f\x8b")
    assert not (tmp_path / "file.bin").exists()


@pytest.mark.parametrize("status", [403, 404, 501])
def test_a_refusal_is_told_at_once(tmp_path, server, status):
    server.status = status
    with pytest.raises(DownloadError, match=f"the server answers {status}"):
        get(server, tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again(tmp_path, server, status):
    server.status = status
    threading.Timer(0.2, lambda: setattr(server, "status", None)).start()
    get(server, tmp_path, tries=10)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert len(server.requests) > 1


def test_a_server_that_stays_busy_is_told(tmp_path, server):
    server.status = 503
    with pytest.raises(DownloadError, match=r"the server answers 503 .*run again to go on"):
        get(server, tmp_path, tries=2)


def test_two_processes_do_not_write_one_file(tmp_path, server):
    with open(tmp_path / "file.bin.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"file\.bin: another process is fetching it"):
            get(server, tmp_path)
    assert get(server, tmp_path).read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.bin"]


def test_an_unreachable_server_is_told(tmp_path):
    with pytest.raises(DownloadError, match="run again to go on"):
        fetch(Remote("http://127.0.0.1:9/x"), tmp_path / "x", tries=2, pause=0.01)
