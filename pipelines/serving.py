"""Opens the web UI (Dagster) on this machine, and ends everything that it started when it is closed."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

from data.errors import InputError
from pipelines.children import Children
from pipelines.launch import prepare_instance
from pipelines.recovery import SERVER, held_by, hold, release
from pipelines.reports.folder import open_folder
from pipelines.reports.server import HOST, choose_port, command
from pipelines.settings import CHECKOUT, FROZEN, Settings

_ASK_SECONDS = 0.25
_QUIET = ("--log-level", "warning")  # otherwise every look of a sensor is a line in the terminal


def serve(settings: Settings, port: int, tell: Callable[[str], None] = print) -> None:
    """Open the web UI on 127.0.0.1, with the present settings, until a stop signal comes.

    The folder of exported reports is served beside it. The web UI, all runs that it starts and the server of the
    reports end with this process, however it ends.

    Args:
        settings: the settings, which the web UI and its runs will use.
        port: TCP port.
        tell: function that receives the addresses, one line of text each, when the page answers.

    Raises:
        InputError: the port is taken, a web UI is already open on this home, the program dagster is not found, the
            folder of reports cannot be written to, or the web UI ended by itself.

    Example:
        >>> serve(Settings.read(), 3000)
    """
    address = f"http://{HOST}:{port}"
    home = prepare_instance(settings)
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
            "DAGSTER_HOME": str(home),
            FROZEN: settings.frozen(),
            "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(CHECKOUT), os.environ.get("PYTHONPATH")))),
        }
        with Children() as children:
            children.start(command(settings.report_folder, reports), environment, CHECKOUT)
            child = children.start(_command(port), environment, CHECKOUT)
            if _answers(child, children, address):
                tell(f"{address}, preset {settings.preset} (Ctrl-C ends it)")
                tell(f"http://{HOST}:{reports}, the reports")
            status = child.wait()
            stopped = children.stopped
    finally:
        release(settings.home, SERVER, lock)
    if status and not stopped:
        raise InputError(f"the web UI ended by itself with exit status {status}; its messages above say why")


def _command(port: int) -> list[str]:
    """Return the command that starts Dagster's web server, daemon and code server.

    Raises:
        InputError: the program dagster is not found.
    """
    program = shutil.which("dagster", path=str(Path(sys.executable).parent)) or shutil.which("dagster")
    if program is None:
        raise InputError("the program dagster is missing; set the environment up again with: make clean dev")
    return [program, "dev", "-w", str(CHECKOUT / "workspace.yaml"), "-h", HOST, "-p", str(port), *_QUIET]


def _check_free(port: int) -> None:
    """Raise an error if another program listens on a port, or this user may not listen on it."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise InputError(f"port {port}: {reason}; choose another one with --port") from error


def _answers(child: "subprocess.Popen[bytes]", children: Children, address: str) -> bool:
    """Wait until a page answers, and return True; return False once its server has ended or a stop signal came."""
    while child.poll() is None and not children.stopped:
        try:
            if requests.get(address, timeout=5).ok:
                return True
        except requests.RequestException:
            time.sleep(_ASK_SECONDS)
    return False
