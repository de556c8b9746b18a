"""The programs of the web UI: a code server, a web server and a daemon of Dagster.

`dagster dev` runs the same three programs, one after the other: each of the five processes imports Dagster, which takes
most of the time until the page answers, and waits for the one before. Here the web server imports what it needs while
the code server loads the definitions, and waits for it only then; the daemon, which no page needs, starts once the page
answers (`pipelines/serving.py`); and there is one process less.

The three find each other by a Unix socket in a folder of their own. A reload in the web UI restarts the code server's
inner process with the code as it is then, as under `dagster dev`.
"""

import gc
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LOCATION, MODULE = "tessitura", "pipelines.definitions"  # as in workspace.yaml
_QUIET = "warning"  # otherwise every look of a sensor is a line in the terminal
_ASK_SECONDS = 0.05


def code_server(folder: Path) -> list[str]:
    """Return the command of the code server, which loads the definitions.

    Args:
        folder: folder of the socket; its path has at most 80 bytes, which is what Unix sockets allow.
    """
    program = [sys.executable, "-m", "dagster", "code-server", "start", "--log-level", _QUIET]
    return [*program, "--socket", str(_socket(folder)), "--location-name", LOCATION, "-m", MODULE]


def web_server(folder: Path, host: str, port: int) -> list[str]:
    """Return the command of the web server. It answers on `host`:`port` as soon as the code server does.

    Args:
        folder: folder of the socket.
        host: address to listen on.
        port: TCP port.
    """
    return [*_waiting("web", folder), "--host", host, "--port", str(port), "--dagster-log-level", _QUIET,
            "--live-data-poll-rate", "2000", "--workspace", str(_workspace(folder))]  # fmt: skip


def daemon(folder: Path) -> list[str]:
    """Return the command of the daemon, which launches queued runs and evaluates sensors and schedules."""
    return [*_waiting("daemon", folder), "run", "--log-level", _QUIET, "--workspace", str(_workspace(folder))]


def prepare(folder: Path) -> None:
    """Write the workspace file that tells web server and daemon where the code server listens.

    Example:
        >>> prepare(folder)
        >>> children.start(code_server(folder)), children.start(daemon(folder))
    """
    server = {"grpc_server": {"socket": str(_socket(folder)), "host": "localhost", "location_name": LOCATION}}
    _workspace(folder).write_text(json.dumps({"load_from": [server]}))  # JSON is YAML


def _socket(folder: Path) -> Path:
    return folder / "code.sock"


def _workspace(folder: Path) -> Path:
    return folder / "workspace.yaml"


def _waiting(kind: str, folder: Path) -> list[str]:
    """Return the command of this file, which imports a program of Dagster, waits for the code server and runs it."""
    return [sys.executable, "-m", "pipelines.services", kind, str(_socket(folder))]


def _wait(socket: str) -> None:
    """Wait until a code server answers on a socket."""
    from dagster._core.errors import DagsterUserCodeUnreachableError
    from dagster._grpc.client import DagsterGrpcClient

    client = DagsterGrpcClient(socket=socket)
    while True:
        try:
            client.ping("")
        except DagsterUserCodeUnreachableError:
            time.sleep(_ASK_SECONDS)
        else:
            return


def _run(kind: str, socket: str, arguments: Sequence[str]) -> None:
    """Import the web server ("web") or the daemon ("daemon"), wait for the code server, and run it.

    Imports make hundreds of thousands of objects, all of which stay: looking for garbage among them, again and again,
    takes a fifth of their time.
    """
    gc.disable()
    if kind == "web":
        from dagster_webserver.cli import main
    else:
        from dagster._daemon.cli import main
    gc.freeze()
    gc.enable()
    try:
        _wait(socket)
    except KeyboardInterrupt:
        return
    sys.argv[1:] = arguments
    main()


if __name__ == "__main__":
    _run(sys.argv[1], sys.argv[2], sys.argv[3:])
