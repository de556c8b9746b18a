"""The guide of one server, followed to the letter with a real PostgreSQL: a run goes through the queue."""

import importlib.util
import os

import pytest
from tiny_homes import BIN, Shell, free_port, has_postgres, postgres, steps, wait_for

pytestmark = [
    pytest.mark.skipif(not has_postgres(), reason="PostgreSQL is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("dagster_postgres") is None, reason="dagster-postgres is missing"),
    pytest.mark.timeout(1800),
]


def test_the_guide_of_a_server_followed(tmp_path):
    port = free_port()
    changes = {"/srv/tessitura-home": str(tmp_path / "home"), "--port 3000": f"--port {port}", ".venv/bin": str(BIN)}
    with postgres(tmp_path) as reached:
        changes["DAGSTER_POSTGRES_PORT=5432"] = f"DAGSTER_POSTGRES_PORT={reached['PGPORT']}"
        _install, variables, database, start, attempt = steps("server", changes)
        shell = Shell(tmp_path, {**os.environ, **reached})
        for block in (variables, database):
            shell.run(block)
        *copy, dev = start.strip().splitlines()
        shell.run("\n".join(copy))
        with shell.background(dev, f":{port}", tmp_path / "dev.log"):
            shell.run(attempt)
            wait_for(lambda: shell.query("select status from runs") in ("SUCCESS", "FAILURE"))
            assert shell.query("select pipeline_name, status from runs") == "digest|SUCCESS"
            queued = "select count(*) from event_logs where dagster_event_type = 'PIPELINE_ENQUEUED'"
            assert shell.query(queued) == "1"
    assert not list((tmp_path / "home" / "dagster").rglob("*.db")), "the history is in PostgreSQL alone"
