"""Opens the web UI (Dagster) on this machine, and ends everything that it started when it is closed."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from data.errors import InputError
from pipelines import services
from pipelines.alive import SERVER, held_by, hold, release
from pipelines.children import Children
from pipelines.reports.folder import open_folder
from pipelines.reports.server import HOST, choose_port, command
from pipelines.settings import CHECKOUT, FROZEN, Settings

_ASK_SECONDS = 0.25


def serve(settings: Settings, port: int, tell: Callable[[str], None] = print) -> None:
    """Open the web UI on 127.0.0.1, with the present settings, until a stop signal comes.

    The folder of exported reports is served beside it. The web UI, all runs that it starts and the server of the
    reports end with this process, however it ends.

    Args:
        settings: the settings, which the web UI and its runs will use.
        port: TCP port.
        tell: function that receives the addresses, one line of text each, when the page answers.

    Raises:
        InputError: the port is taken, a web UI is already open on this home, the folder of reports cannot be
            written to, or the web UI ended by itself.

    Example:
        >>> serve(Settings.read(), 3000)
    """
    address = f"http://{HOST}:{port}"
    lock = hold(settings.home, SERVER, f"{address} (process {os.getpid()})")
    if lock is None:
        other = held_by(settings.home, SERVER)
        raise InputError(f"{settings.home}: a web UI is open on it already, at {other}; use that one or end it")
    try:
        _check_free(port)
        open_folder(settings.report_folder)
        reports = choose_port(settings.home, port)
        # The names of our packages are found from the working directory: a folder with another `models` must not be it.
        environment = {
            **os.environ,
            "DAGSTER_HOME": str(settings.dagster_home),
            FROZEN: settings.frozen(),
            "DAGSTER_IS_DEV_CLI": "1",  # what the code server says is not said again by the others
            "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))),
        }
        # The path of a socket may have about 100 bytes: the home is too deep for that.
        with TemporaryDirectory(prefix="tessitura-") as folder, Children() as children:
            code, web, *later = _commands(Path(folder), port)
            started = [children.start(code, environment, CHECKOUT)]
            _prepare(settings)
            started.append(children.start(web, environment, CHECKOUT))
            children.start(command(settings.report_folder, reports), environment, CHECKOUT)
            if _answers(started, children, address):
                tell(f"{address}, preset {settings.preset} (Ctrl-C ends it)")
                tell(f"http://{HOST}:{reports}, the reports")
                started += [children.start(one, environment, CHECKOUT) for one in later]
            status = _first(started)
            stopped = children.stopped
    finally:
        release(settings.home, SERVER, lock)
    if status and not stopped:
        raise InputError(f"the web UI ended by itself with exit status {status}; its messages above say why")


def _prepare(settings: Settings) -> None:
    """Prepare Dagster's home. Importing Dagster here, and not earlier, lets the code server import it meanwhile."""
    from pipelines.launch import prepare_instance

    prepare_instance(settings)


def _commands(folder: Path, port: int) -> list[list[str]]:
    """Return the commands that start Dagster's code server, web server and daemon, in this order.

    Args:
        folder: empty folder by which they find each other.
        port: TCP port of the web server.
    """
    services.prepare(folder)
    return [services.code_server(folder), services.web_server(folder, HOST, port), services.daemon(folder)]


def _first(started: "Sequence[subprocess.Popen[bytes]]") -> int:
    """Wait until one of several processes has ended, and return its exit status."""
    while True:
        for one in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return one.wait(_ASK_SECONDS)


def _check_free(port: int) -> None:
    """Raise an error if another program listens on a port, or this user may not listen on it."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise InputError(f"port {port}: {reason}; choose another one with --port") from error


def _answers(started: "Sequence[subprocess.Popen[bytes]]", children: Children, address: str) -> bool:
    """Wait until a page answers, and return True; return False once a process has ended or a stop signal came."""
    while all(one.poll() is None for one in started) and not children.stopped:
        try:
            if requests.get(address, timeout=5).ok:
                return True
        except requests.RequestException:
            time.sleep(_ASK_SECONDS)
    return False
