"""A real web server for downloads, which cuts, ignores, changes and lies if told to."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 20_000  # 5.12 MB


class Server(ThreadingHTTPServer):
    """Serves what `files` holds under a path, else `content`; its behaviour is set by attributes."""

    content, etag, modified = CONTENT, '"v1"', None
    ranges, cut_after, status, lie = True, None, None, None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, str]] = []
        self.files: dict[str, bytes] = {}

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.root}/nsynth-train.jsonwav.tar.gz"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Server = self.server
        server.requests.append(dict(self.headers))
        start, whole = 0, server.files.get(self.path, server.content)
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        if server.status:
            self.send_error(server.status)
            return
        if wanted and server.ranges and condition in (server.etag, server.modified):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(whole):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(whole)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", server.lie or f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        else:
            self.send_response(200)
        body = whole[start:]
        for name, value in (("ETag", server.etag), ("Last-Modified", server.modified)):
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if server.cut_after is None else body[: server.cut_after])

    def log_message(self, *args) -> None:
        pass
