"""The web UI: what is checked before it opens, what is told when, and that its end is the end of everything."""

import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from data.errors import InputError
from pipelines import services, serving
from pipelines.alive import SERVER, hold, release

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

SLEEPING = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]
# Stands for the daemon: tells whether the page answered before it started.
DAEMON = "import os, sys, time; os.path.isfile(sys.argv[1]) and open(sys.argv[2], 'w').close(); time.sleep(600)"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def test_the_programs_are_dagsters_and_the_page_is_on_the_loopback_address(tmp_path):
    code, web, daemon = serving._commands(tmp_path, 3456)
    assert web[web.index("--host") + 1] == "127.0.0.1"
    assert web[web.index("--port") + 1] == "3456"
    (place,) = yaml.safe_load((tmp_path / "workspace.yaml").read_text())["load_from"]
    (known,) = yaml.safe_load((serving.CHECKOUT / "workspace.yaml").read_text())["load_from"]
    assert place["grpc_server"]["location_name"] == known["python_module"]["location_name"]
    assert code[code.index("-m", 3) + 1] == known["python_module"]["module_name"]
    assert code[code.index("--socket") + 1] == place["grpc_server"]["socket"]
    for one in (web, daemon):
        assert one[one.index("--workspace") + 1] == str(tmp_path / "workspace.yaml")


def test_the_path_of_the_socket_is_short_however_deep_the_home(monkeypatch, settings):
    folders = []

    def commands(folder: Path, port: int) -> list[list[str]]:
        folders.append(services.code_server(folder)[-5])
        return [[sys.executable, "-S", "-c", "raise SystemExit(3)"]] * 3

    monkeypatch.setattr(serving, "_commands", commands)
    with pytest.raises(InputError):
        serving.serve(settings.model_copy(update={"home": settings.home / ("deep/" * 40)}), free_port(), print)
    assert folders[0].endswith("code.sock")
    assert len(folders[0].encode()) < 100


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
    daemon = [sys.executable, "-S", "-c", DAEMON, str(noted), str(tmp_path / "daemon")]
    page = [*command, str(port := free_port()), str(noted)]
    monkeypatch.setattr(serving, "_commands", lambda *_: [SLEEPING, page, daemon])
    monkeypatch.chdir(tmp_path)  # some folder with other packages in it

    def stop() -> None:
        for _ in range(400):
            if (tmp_path / "daemon").is_file():
                break
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    def tell(line: str) -> None:
        told.append(line)
        assert noted.is_file(), "not before the page answers"
        if len(told) == 1:
            threading.Thread(target=stop).start()

    former = signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Dagster ignores it where a shell has SIGINT ignored
    try:
        serving.serve(settings, port, tell)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert told[0].startswith(f"http://127.0.0.1:{port}, preset demo")
    assert (tmp_path / "daemon").is_file(), "the daemon starts too, and not before the page answers"
    found = json.loads(noted.read_text())
    assert Path(found["folder"]) == serving.CHECKOUT
    assert found["home"] == str(settings.dagster_home)
    with pytest.raises(ProcessLookupError):
        os.kill(found["pid"], 0)


def test_a_program_that_ends_by_itself_ends_the_others_and_is_an_error(settings, monkeypatch):
    ends = [sys.executable, "-S", "-c", "raise SystemExit(3)"]
    monkeypatch.setattr(serving, "_commands", lambda folder, port: [SLEEPING, ends, SLEEPING])
    with pytest.raises(InputError, match="ended by itself with exit status 3"):
        serving.serve(settings, free_port(), print)
