"""Fixtures shared by the tests."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import write_nsynth
from tiny_server import Server

from pipelines.settings import Settings

# A shell starts background jobs with SIGINT ignored. Dagster then ignores SIGTERM too, and processes that tests start
# inherit both.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files whose tests may take longest, so that none of them is left to one worker at the end."""
    longest: dict[Path, float] = {}
    for item in items:
        mark = item.get_closest_marker("timeout")
        longest[item.path] = max(longest.get(item.path, 0.0), float(mark.args[0]) if mark else 0.0)
    items.sort(key=lambda item: -longest[item.path])


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


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a home of its own, whatever the environment and `.env` of whoever runs the tests say."""
    for name in [name for name in os.environ if name.startswith("TESSITURA_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("TESSITURA_HOME", str(tmp_path / "home"))
    return Settings.read()


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    """Endpoint of a server that speaks S3."""
    from tiny_s3 import s3_server  # noqa: PLC0415 (it takes seconds)

    with s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def url(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of a store of its own in a bucket, whatever the environment says of buckets."""
    from tiny_s3 import KEYS, make_store  # noqa: PLC0415

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": s3}.items():
        monkeypatch.setenv(name, value)
    return make_store(s3)
