"""The guide of a Ray cluster, followed to the letter: a head and a second node of this machine, a step as a Ray job."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tiny_homes import BIN, Shell, free_port, has_postgres, postgres, steps, wait_for

pytestmark = [
    pytest.mark.skipif(not has_postgres(), reason="PostgreSQL is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("dagster_ray") is None, reason="dagster-ray is not installed"),
    pytest.mark.timeout(1800),
]


def test_the_guide_of_a_cluster_followed(tmp_path):
    port, head, dashboard = free_port(), free_port(), free_port()
    short = Path("/tmp") / f"ray-{head}"  # sockets lie in it, whose paths are short
    changes = {
        "127.0.0.1:6379": f"127.0.0.1:{head}",
        "127.0.0.1:8265": f"127.0.0.1:{dashboard}",
        "--port 3000": f"--port {port}",
        "ray start --head": f"ray start --head --temp-dir {short}",
        "--num-cpus 1": "--num-cpus 1 --object-store-memory 100000000",
        ".venv/bin": str(BIN),
    }
    server = {"/srv/tessitura-home": str(tmp_path / "home")}
    with postgres(tmp_path) as reached:
        server["DAGSTER_POSTGRES_PORT=5432"] = f"DAGSTER_POSTGRES_PORT={reached['PGPORT']}"
        _, variables, database, *_ = steps("server", server)
        _install, more, first, second, start, attempt = steps("ray", changes)
        shell = Shell(tmp_path, {**os.environ, **reached})
        for block in (variables, database, more):
            shell.run(block)
        try:
            shell.run(first)
            shell.run(second)
            *copy, dev = start.strip().splitlines()
            shell.run("\n".join(copy))
            with shell.background(dev, f":{port}", tmp_path / "dev.log"):
                shell.run(attempt)
                wait_for(lambda: shell.query("select status from runs") in ("SUCCESS", "FAILURE"))
                assert shell.query("select pipeline_name, status from runs") == "digest|SUCCESS"
                jobs = "select count(*) from event_logs where event like '%in Ray job dagster-step-%'"
                assert int(shell.query(jobs)) >= 1
        finally:
            end_ray(short)


def end_ray(folder: Path) -> None:
    """End the processes of the cluster whose files lie in a folder, and no other."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            told = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in told and int(place.name) != os.getpid():
            subprocess.run(["kill", "-9", place.name], check=False, stderr=-3)
    shutil.rmtree(folder, ignore_errors=True)
