"""The server of exported reports: read-only, on loopback, nothing outside the folder, right types, ranges."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import sync_playwright
from tiny_reports import keep, sound

from pipelines import serving
from pipelines.reports.export import export_report
from pipelines.reports.folder import open_folder
from pipelines.reports.server import HOST, UI_PORT, choose_port, command, known_port
from pipelines.settings import CHECKOUT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def answers(port: int) -> bool:
    """Whether anybody listens on a port."""
    with socket.socket() as asking:
        return asking.connect_ex((HOST, port)) == 0


def until(true: Callable[[], bool]) -> None:
    """Wait until something is true, at most a minute."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Served:
    """A folder of reports that a real server serves."""

    def __init__(self, root: Path, report: Path, port: int) -> None:
        self.root, self.report, self.port = root, report, port

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Send a request exactly as it is written here, and return status, headers and body."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=20)
        connection.request(method, path, headers={name.replace("_", "-"): one for name, one in headers.items()})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("served")
    root = home / "reports"
    files = {"tone.wav": sound(), "tone.flac": b"fLaC", "scores.parquet": b"PAR1", "model_card.md": b"# Card"}
    report = export_report(root, keep(home, files=files), in_use=True)
    (home / "secret").mkdir()
    (home / "secret" / "key.txt").write_text("secret")
    (root / "out").symlink_to(home / "secret")
    (root / "key.txt").symlink_to(home / "secret" / "key.txt")
    (root / "loop").symlink_to("loop")
    (root / ".partial").mkdir()
    (root / ".partial" / "report.html").write_text("half")
    (root / "behind").symlink_to(".partial")
    os.mkfifo(root / "pipe.html")
    port = choose_port(home, UI_PORT)
    process = subprocess.Popen(command(root, port), cwd=CHECKOUT)
    until(lambda: answers(port))
    yield Served(root, report, port)
    process.terminate()
    assert process.wait(20) is not None


def test_index_and_reports_are_served(served):
    status, headers, body = served.ask("/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert body == (served.root / "index.html").read_bytes()
    page = (served.report / "report.html").read_bytes()
    for path in (f"/{served.report.name}/report.html", f"/{served.report.name}/", "/latest/synthesis-demo/"):
        status, headers, body = served.ask(path)
        assert (status, body) == (200, page)
        assert headers["content-security-policy"] == "frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers
    status, headers, _ = served.ask("/latest/synthesis-demo")
    assert (status, headers["location"]) == (307, f"http://127.0.0.1:{served.port}/latest/synthesis-demo/")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("metrics.json", "application/json"),
        ("scores.parquet", "application/vnd.apache.parquet"),
        ("model_card.md", "text/markdown; charset=utf-8"),
        ("tone.wav", "audio/wav"),
        ("tone.flac", "audio/flac"),
    ],
)
def test_every_file_has_its_type(served, name, kind):
    status, headers, body = served.ask(f"/{served.report.name}/{name}")
    assert (status, headers["content-type"], headers["accept-ranges"]) == (200, kind, "bytes")
    assert body == (served.report / name).read_bytes()


def test_players_can_seek(served):
    whole, path = (served.report / "tone.wav").read_bytes(), f"/{served.report.name}/tone.wav"
    status, headers, body = served.ask(path, range="bytes=100-199")
    assert (status, body) == (206, whole[100:200])
    assert headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert headers["content-type"] == "audio/wav"
    assert served.ask(path, range=f"bytes={len(whole)}-")[0] == 416
    status, headers, body = served.ask(path, "HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", str(len(whole)))
    assert served.ask(path, if_none_match=headers["etag"])[0] == 304


@pytest.mark.parametrize(
    "path",
    [
        "/../secret/key.txt",
        "/%2e%2e/secret/key.txt",
        "/latest/../../secret/key.txt",
        "/..%2fsecret%2fkey.txt",
        "/%5c..%5csecret%5ckey.txt",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/out/key.txt",
        "/key.txt",
        "/loop",
        "/.lock",
        "/.partial/report.html",
        "/behind/report.html",
        "/behind/",
        "/pipe.html",
        "/nothing",
        "/latest/",
        "/%00",
        "/" + "x" * 3000,
    ],
)
def test_nothing_else_is_found(served, path):
    status, _, body = served.ask(path)
    assert (status, body) == (404, b"Not Found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(served, method):
    before = sorted(served.root.rglob("*"))
    assert served.ask(f"/{served.report.name}/report.html", method)[0] == 405
    assert sorted(served.root.rglob("*")) == before


def test_a_name_that_a_foreign_site_points_here_is_refused(served):
    assert served.ask("/", host=f"localhost:{served.port}")[0] == 200
    assert served.ask("/", host="evil.example")[0] == 400


def test_the_port_is_free_next_to_the_uis_and_stays(tmp_path):
    assert known_port(tmp_path) == 3001
    with socket.create_server((HOST, 0)) as taken:
        ui = taken.getsockname()[1] - 1
        port = choose_port(tmp_path, ui)
        assert ui + 1 < port <= ui + 20
    assert known_port(tmp_path) == port
    assert choose_port(tmp_path, 3000) == port, "links in the history stay valid"
    with socket.create_server((HOST, port)):
        assert choose_port(tmp_path, port - 3) == port - 2
    assert choose_port(tmp_path, port - 2) not in (port - 2, port), "the UI takes its own"
    (tmp_path / "reports.port").write_text("no number")
    assert known_port(tmp_path) == 3001


# Stands in for the web UI: answers, sees that the reports are served beside it, and ends.
UI = """
import sys, threading, time, urllib.request
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

class Page(SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        asked.set()

    def log_message(self, *arguments):
        pass

asked = threading.Event()
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Page)
threading.Thread(target=server.serve_forever, daemon=True).start()
asked.wait(60)
home = Path(sys.argv[2])
deadline = time.monotonic() + 60
while time.monotonic() < deadline:
    try:
        address = f"http://127.0.0.1:{(home / 'reports.port').read_text()}"
        (home / "seen").write_bytes(urllib.request.urlopen(address).read())
        break
    except OSError:
        time.sleep(0.05)
"""


def test_the_reports_are_served_as_long_as_the_ui(settings, monkeypatch):
    told: list[str] = []
    export_report(settings.report_folder, keep(settings.home), in_use=True)
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    code_server = [sys.executable, "-c", "import time; time.sleep(100)"]
    web_ui = [sys.executable, "-c", UI, str(port), str(settings.home)]
    monkeypatch.setattr(serving, "_commands", lambda folder, port: [code_server, web_ui])
    serving.serve(settings, port, told.append)
    assert (settings.home / "seen").read_bytes() == (settings.report_folder / "index.html").read_bytes()
    reports = known_port(settings.home)
    assert reports > port
    assert told[-1] == f"http://127.0.0.1:{reports}, the reports"
    assert not answers(reports)


PARENT = """
import sys
from pipelines.children import Children
from pipelines.reports.server import command
with Children() as children:
    children.start(command(sys.argv[1], sys.argv[2])).wait()
"""


def test_the_server_does_not_outlive_a_parent_that_is_killed(tmp_path):
    open_folder(tmp_path / "reports")
    port = choose_port(tmp_path, UI_PORT)
    parent = subprocess.Popen([sys.executable, "-c", PARENT, tmp_path / "reports", str(port)], cwd=CHECKOUT)
    until(lambda: answers(port))
    parent.kill()
    parent.wait()
    until(lambda: not answers(port))


class Page(BaseHTTPRequestHandler):
    """A page of another server on this machine, as the web UI is, that links to a report."""

    link = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f'<a id="report" href="{self.link}" target="_blank">report</a>'.encode())

    def log_message(self, *args) -> None:
        pass


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_follows_the_link_of_the_ui_and_seeks_in_a_sound(served):
    Page.link = f"http://{HOST}:{served.port}/{served.report.name}/report.html"
    other, complaints = HTTPServer((HOST, 0), Page), []
    Thread(target=other.serve_forever, daemon=True).start()
    with sync_playwright() as program:
        browser = program.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://{HOST}:{other.server_port}/")
        with context.expect_page() as opened:
            page.click("#report")
        report = opened.value
        report.wait_for_load_state()
        assert report.locator("h1").inner_text() == "A report"
        at = report.evaluate(
            """async () => {
                const player = document.querySelector("audio");
                await new Promise(done => { player.onloadedmetadata = done; player.load(); });
                await new Promise(done => { player.onseeked = done; player.currentTime = 3; });
                return player.currentTime;
            }"""
        )
        assert at == pytest.approx(3)
        index = context.new_page()
        index.on("console", lambda message: complaints.append(message.text))
        index.goto(f"http://{HOST}:{served.port}/")
        index.locator("tbody a").first.click()
        assert index.url == Page.link
        index.go_back()
        index.set_viewport_size({"width": 360, "height": 700})
        assert index.evaluate("document.documentElement.scrollWidth") <= 360
        assert index.evaluate("getComputedStyle(document.querySelector('caption')).fontWeight") == "600"
        browser.close()
    other.shutdown()
    other.server_close()
    assert complaints == []
