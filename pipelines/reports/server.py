"""Serves the folder of exported reports on 127.0.0.1 while the web UI is open, and knows the addresses of reports.

    python -m pipelines.reports.server FOLDER PORT

A page of the web UI may not link to a file on disk: browsers refuse `file://` links of `http://` pages. The server is
read-only. It answers GET and HEAD only, requests for 127.0.0.1 and localhost only (so no foreign web site can read the
reports through a name that it lets point here), and nothing outside the folder: links that lead out of it and names
that begin with a dot are not found. Audio files can be read in ranges, so that players can seek.
"""

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.files.durable import write_bytes
from pipelines.reports.folder import INDEX, PAGE

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOST = "127.0.0.1"
UI_PORT = 3000
_PORT = "reports.port"  # file in the home with the port of the last time, so that links in the history stay valid
_TRIED = 20  # ports above that of the web UI
_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".flac": "audio/flac",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".tex": "text/x-tex; charset=utf-8",
    ".wav": "audio/wav",
}
_HEADERS = {
    "cache-control": "no-cache",  # ask whether it has changed: index and "latest" do
    "content-security-policy": "frame-ancestors 'none'",  # the pages bring the rest of their policy along
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def make_app(root: Path) -> "ASGIApp":
    """Return the web application that serves a folder of exported reports.

    "/" is the index page, the address of a folder is that of its report.

    Args:
        root: the folder; it must exist.

    Example:
        >>> uvicorn.run(make_app(Path(".tessitura/reports")), host="127.0.0.1", port=3001)
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Mount
    from starlette.staticfiles import StaticFiles

    place = os.path.realpath(root)

    class Reports(StaticFiles):
        def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
            try:
                full, found = super().lookup_path(path)
            except OSError:  # a loop of links, a name that is too long, a folder that may not be read
                return "", None
            if found is None and os.path.basename(path) == INDEX:
                return self.lookup_path(os.path.join(os.path.dirname(path), PAGE))
            hidden = found is not None and any(part.startswith(".") for part in Path(full).relative_to(place).parts)
            return ("", None) if hidden else (full, found)

        def file_response(self, full_path: Any, *arguments: Any, **options: Any) -> Any:
            response = super().file_response(full_path, *arguments, **options)
            response.headers.update(_HEADERS)
            kind = _TYPES.get(Path(full_path).suffix.lower(), "application/octet-stream")
            if "content-type" in response.headers:
                response.headers["content-type"] = kind
            return response

    return Starlette(
        routes=[Mount("/", Reports(directory=place, html=True))],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )


def known_port(home: Path) -> int:
    """Return the port that reports are served on, or were served on the last time; 3001 before the first time.

    Args:
        home: the home (TESSITURA_HOME).
    """
    try:
        port = int((home / _PORT).read_text()[:10])
    except (OSError, ValueError):
        return UI_PORT + 1
    return port if 0 < port < 65536 else UI_PORT + 1


def choose_port(home: Path, ui_port: int) -> int:
    """Return a free port for the reports, and note it in the home, so that links to reports are made with it.

    It is the port of the last time, so that earlier links stay valid, if it is free; otherwise the first free port
    above that of the web UI.

    Args:
        home: the home (TESSITURA_HOME).
        ui_port: port of the web UI, which may not be taken yet.
    """
    last = [known_port(home)] if (home / _PORT).is_file() else []
    wished = (one for one in (*last, *range(ui_port + 1, ui_port + 1 + _TRIED)) if one != ui_port and one < 65536)
    port = next((one for one in wished if _is_free(one)), 0) or _any_port()
    write_bytes(home / _PORT, str(port).encode())
    return port


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on a port of 127.0.0.1; 0 takes any free port.

    Raises:
        OSError: the port is taken or not allowed.
    """
    return socket.create_server((HOST, port))


def _is_free(port: int) -> bool:
    try:
        _listening(port).close()
    except OSError:
        return False
    return True


def _any_port() -> int:
    with _listening(0) as listening:
        return listening.getsockname()[1]


def command(root: Path, port: int) -> list[str]:
    """Return the command that serves a folder of exported reports; it must be started in the checkout."""
    return [sys.executable, "-m", "pipelines.reports.server", str(root), str(port)]


def main(root: str, port: str) -> None:
    """Serve a folder of exported reports until a stop signal comes."""
    import uvicorn

    config = uvicorn.Config(
        make_app(Path(root)),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    with suppress(KeyboardInterrupt):  # which uvicorn raises again once it has ended
        uvicorn.Server(config).run(sockets=[_listening(int(port))])


if __name__ == "__main__":
    main(*sys.argv[1:])
