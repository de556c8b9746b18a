"""Fixtures shared by the tests."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import write_nsynth
from tiny_server import Server


@pytest.fixture(scope="session")
def nsynth_part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read-only NSynth part of 2 instruments, 10 pitches, 2 velocities."""
    return write_nsynth(tmp_path_factory.mktemp("nsynth") / "nsynth-train")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
