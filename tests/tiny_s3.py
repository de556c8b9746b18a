"""A server that speaks S3 on loopback, and a proxy in front of it that breaks things.

The server is moto's, which honours conditional puts. It answers one request at a time, so that a condition and the put
that depends on it are one step, as in a real object store. The tests run against another server if S3_ENDPOINT names it
(http://127.0.0.1:8333) and it knows the keys below.
"""

import os
import secrets
import select
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

SECRET = "a-secret-that-stands-nowhere"
KEYS = {
    "AWS_ACCESS_KEY_ID": "the-key-id",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
Fault = Callable[[int, str], str]  # number and first line of a request; "", "500", "cut", "lost", "half" or "slow"


@contextmanager
def s3_server() -> Iterator[str]:
    """Context manager: yields the endpoint of a server."""
    if endpoint := os.environ.get("S3_ENDPOINT"):
        yield endpoint
        return
    os.environ["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(64 << 20)
    inner, one_at_a_time = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def application(environ: Any, start: Any) -> Any:
        with one_at_a_time:
            return inner(environ, start)

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_store(endpoint: str) -> str:
    """Make a bucket, unless it is there, and return the URL of a new store in it."""
    keys = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": SECRET}
    client = boto3.client("s3", endpoint_url=endpoint, region_name=KEYS["AWS_REGION"], **keys)
    if "tiny" not in {one["Name"] for one in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket="tiny")
    return f"s3://tiny/stores/{secrets.token_hex(8)}"


class Proxy(socketserver.ThreadingTCPServer):
    """Passes requests on, one a connection, and breaks those that `fault` names; `before` is called ahead of each."""

    daemon_threads, allow_reuse_address, request_queue_size = True, True, 64

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.behind = ("127.0.0.1", int(endpoint.rpartition(":")[2]))
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.fault: Fault = lambda number, line: ""
        self.count, self.lines, self.lock = 0, list[str](), threading.Lock()

    def next(self, line: str) -> str:
        with self.lock:
            self.count += 1
            self.lines.append(line)
            return self.fault(self.count, line)


class _Passing(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        if (request := _read_request(self.request)) is None:
            return
        kind = self.server.next(request.split(b"\r\n", 1)[0].decode())
        if kind == "cut":
            return
        if kind == "500":
            self.request.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        if kind == "slow":
            time.sleep(0.3)
        answer = self._ask(request)
        if kind == "lost":
            return
        self.request.sendall(answer[: len(answer) // 2] if kind == "half" else answer)

    def _ask(self, request: bytes) -> bytes:
        head, _, body = request.partition(b"\r\n\r\n")
        with socket.create_connection(self.server.behind) as behind:
            behind.sendall(head + b"\r\nConnection: close\r\n\r\n" + body)
            answer = b""
            while piece := behind.recv(1 << 16):
                answer += piece
        return answer.replace(b"HTTP/1.0", b"HTTP/1.1", 1)


def _read_request(connection: socket.socket) -> bytes | None:
    content = b""
    while b"\r\n\r\n" not in content:
        if not select.select([connection], [], [], 30)[0] or not (piece := connection.recv(1 << 16)):
            return None
        content += piece
    head, _, body = content.partition(b"\r\n\r\n")
    fields = dict(one.lower().split(b": ", 1) for one in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    while len(body) < length:
        body += connection.recv(1 << 16)
    return head + b"\r\n\r\n" + body
