"""How long it takes to begin: the definitions, the command line, the web UI."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from contest import take_turns

ROOT = Path(__file__).resolve().parents[2]


def measure(folder: Path) -> dict[str, Any]:
    """Return the seconds until each is ready."""

    def load() -> None:
        program = "from pipelines.definitions import defs; defs(); import sys; assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)

    def command() -> None:
        program = [sys.executable, "-m", "pipelines.cli", "--help"]
        subprocess.run(program, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    seconds = take_turns({"definitions load": load, "tessitura --help": command}, 3)
    ready = web_ui_ready(folder)
    return {
        "figures": {**{f"{name}, s": one for name, one in seconds.items()}, "make dev ready, s": ready},
        "ratios": {"definitions load, s": (seconds["definitions load"], "<=", 3.0)},
    }


def web_ui_ready(folder: Path) -> float:
    """Return the seconds from `tessitura dev` until the web server knows the asset graph."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "pipelines.cli", "dev", "--port", str(port)]
    start = time.monotonic()
    with open(folder / "dev.log", "w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "TESSITURA_HOME": str(folder / "home")},
        )  # fmt: skip
        try:
            while b"synthesis_model" not in _graph(port):
                if time.monotonic() - start > 120 or process.poll() is not None:
                    raise RuntimeError((folder / "dev.log").read_text()[-2000:])
                time.sleep(0.1)
            return time.monotonic() - start
        finally:
            process.terminate()  # a benchmark that a shell started in the background ignores SIGINT, and so would this
            process.wait(30)


def _graph(port: int) -> bytes:
    """Return what the server says of the assets, nothing while it is not there."""
    query = b'{"query": "{ assetNodes { assetKey { path } } }"}'
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", query, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read()
    except (urllib.error.URLError, OSError):
        return b""
