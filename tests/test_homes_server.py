"""The guide of one server, followed to the letter with a real PostgreSQL: a run goes through the queue."""

import importlib.util

import pytest
from tiny_homes import follow, has_postgres, postgres

pytestmark = [
    pytest.mark.skipif(not has_postgres(), reason="PostgreSQL is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("dagster_postgres") is None, reason="dagster-postgres is missing"),
    pytest.mark.timeout(1800),
]


def test_the_guide_of_a_server_followed(tmp_path):
    with postgres() as reached:
        shell = follow("server", tmp_path, reached, {})
        queued = "select count(*) from event_logs where dagster_event_type = 'PIPELINE_ENQUEUED'"
        assert shell.query(queued) == "1"
    assert not list((tmp_path / "home" / "dagster").rglob("*.db")), "the history is in PostgreSQL alone"
