"""The web UI: what is checked before it opens, what is told when, and that its end is the end of everything."""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from data.errors import InputError
from pipelines import serving
from pipelines.recovery import SERVER, hold, release

# Stands for `dagster dev`: answers a while after its start, and tells where it runs and with which environment.
PAGE = """
import http.server, json, os, sys, time
time.sleep(0.5)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *arguments):
        pass
with open(sys.argv[2], "w") as file:
    json.dump({"folder": os.getcwd(), "pid": os.getpid(), "home": os.environ["DAGSTER_HOME"]}, file)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def test_the_command_is_dagsters_on_the_loopback_address():
    command = serving._command(3456)
    assert Path(command[0]).name == "dagster"
    assert command[command.index("-h") + 1] == "127.0.0.1"
    assert command[command.index("-p") + 1] == "3456"


def test_a_port_that_is_taken_is_told_before_anything_starts(settings):
    told = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}: address already in use; choose another one with --port"):
            serving.serve(settings, port, told.append)
    assert told == []
    lock = hold(settings.home, SERVER)
    assert lock is not None, "nothing is held"
    release(settings.home, SERVER, lock)


def test_an_open_web_ui_is_named_with_its_address(settings):
    lock = hold(settings.home, SERVER, "http://127.0.0.1:3000 (process 7)")
    assert lock is not None
    with pytest.raises(InputError, match=r"open on it already, at http://127.0.0.1:3000 \(process 7\); use that one"):
        serving.serve(settings, free_port(), print)
    release(settings.home, SERVER, lock)


def test_the_address_is_told_when_the_page_answers_and_a_signal_ends_it(settings, tmp_path, monkeypatch):
    noted, told = tmp_path / "noted.json", []
    command = [sys.executable, "-S", "-c", PAGE]
    monkeypatch.setattr(serving, "_command", lambda port: [*command, str(port), str(noted)])
    monkeypatch.chdir(tmp_path)  # some folder with other packages in it

    def tell(line: str) -> None:
        told.append(line)
        assert noted.is_file(), "not before the page answers"
        if len(told) == 1:
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()

    port = free_port()
    former = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Dagster ignores it where a shell has SIGINT ignored
    try:
        serving.serve(settings, port, tell)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert told[0].startswith(f"http://127.0.0.1:{port}, preset demo")
    found = json.loads(noted.read_text())
    assert Path(found["folder"]) == serving.CHECKOUT
    assert found["home"] == str(settings.dagster_home)
    with pytest.raises(ProcessLookupError):
        os.kill(found["pid"], 0)


def test_a_web_ui_that_ends_by_itself_is_an_error(settings, monkeypatch):
    monkeypatch.setattr(serving, "_command", lambda port: [sys.executable, "-S", "-c", "raise SystemExit(3)"])
    with pytest.raises(InputError, match="ended by itself with exit status 3"):
        serving.serve(settings, free_port(), print)
