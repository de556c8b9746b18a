"""A Ray cluster of this machine: its guide, followed, and a training that is stopped, and loses its node."""

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tiny_cluster import PATIENT, Node, train_slowly
from tiny_descendants import adopting, command
from tiny_homes import follow, free_port, has_postgres, postgres
from tiny_s3 import KEYS, make_store
from tiny_training import write_shards
from tiny_web_ui import ROOT, WebUI, until

from assets.store.remote.shared import SharedStore
from data.execution import Execution
from models.training.checkpoint import load
from models.training.together import train_together

pytestmark = [
    pytest.mark.skipif(not has_postgres(), reason="PostgreSQL is not installed"),
    pytest.mark.skipif(importlib.util.find_spec("dagster_ray") is None, reason="dagster-ray is not installed"),
    pytest.mark.timeout(3000),
]
SHARDS, MODEL = "embedded/tiny_shards", "demo/tiny_model"


@contextmanager
def short_folder() -> Iterator[Path]:
    """Context manager: a folder for Ray, whose sockets need short paths."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    try:
        with adopting():
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_guide_of_a_cluster_followed(tmp_path):
    head, dashboard = free_port(), free_port()
    with short_folder() as short, postgres() as reached:
        changes = {
            "127.0.0.1:6379": f"127.0.0.1:{head}",
            "127.0.0.1:8265": f"127.0.0.1:{dashboard}",
            "ray start --head": f"ray start --head --temp-dir {short}",
            "--num-cpus 1": "--num-cpus 1 --object-store-memory 100000000",
        }
        shell = follow("ray", tmp_path, {**reached, **PATIENT, "PYTHONDONTWRITEBYTECODE": ""}, changes)
        jobs = "select count(*) from event_logs where event like '%in Ray job dagster-step-%'"
        assert int(shell.query(jobs)) >= 1


@dataclass
class Cluster:
    """A head on which no step can run, nodes for steps, a store in a bucket, and the web UI of a small system."""

    head: list[str]
    environment: dict[str, str]
    ui: WebUI
    store: SharedStore
    slow: Path

    def add(self) -> Node:
        """Start a node that has room for one step."""
        return Node([*self.head, "--num-cpus", "1"], self.environment)

    def newest(self) -> int:
        """Return the step of the newest checkpoint in the bucket; 0 if there is none."""
        found = [re.search(r"tiny_model/unfinished/.*/step-(\d+)\.json$", one.path) for one in self.store.bucket.list()]
        return max((int(one[1]) for one in found if one), default=0)

    def said(self, run: str) -> str:
        """Return the messages of a run, one a line."""
        events = "... on EventConnection { events { ... on MessageEvent { message } } }"
        query = f"query ($run: ID!) {{ logsForRun(runId: $run) {{ {events} }} }}"
        return "\n".join(one.get("message", "") for one in self.ui.ask(query, run=run)["logsForRun"]["events"])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, s3) -> Iterator[Cluster]:
    tmp_path = tmp_path_factory.mktemp("cluster")
    home, slow, url = tmp_path / "home", tmp_path / "slow", make_store(s3)
    (home / "dagster").mkdir(parents=True)
    shutil.copy(ROOT / "pipelines" / "homes" / "ray" / "dagster.yaml", home / "dagster")
    port, dashboard = free_port(), free_port()
    with short_folder() as short, postgres() as reached, pytest.MonkeyPatch.context() as patch:
        database = {
            "HOST": "127.0.0.1",
            "PORT": reached["PGPORT"],
            "USER": "postgres",
            "PASSWORD": "-",
            "DB": "postgres",
        }
        settings = {"STORE": url, "DEVICE": "cpu", "EXECUTOR": "ray", "TRAINING_PROCESSES": "2"}
        variables = {
            **{f"DAGSTER_POSTGRES_{name}": value for name, value in database.items()},
            **{f"TESSITURA_{name}": value for name, value in settings.items()},
            **{**KEYS, "AWS_ENDPOINT_URL": s3, **PATIENT, "TINY_SLOW": str(slow), "OMP_NUM_THREADS": "1"},
            "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        for name in [name for name in os.environ if name.startswith(("AWS_", "TESSITURA_", "DAGSTER_"))]:
            patch.delenv(name)
        for name, value in variables.items():
            patch.setenv(name, value)
        nodes = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}", "DAGSTER_HOME": str(home / "dagster")}
        dashboards = ["--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard)]
        Node(["--head", "--port", str(port), "--temp-dir", str(short), "--num-cpus", "0", *dashboards], nodes)
        with WebUI(home, "tiny_cluster", **variables) as ui:
            store = SharedStore(tmp_path / "copy", url, 1 << 30)
            yield Cluster(["--address", f"127.0.0.1:{port}"], nodes, ui, store, slow)


def working(node: Node) -> list[str]:
    """Return the command lines of the step that runs on a node, and of all that it has started."""
    return [one for one in map(command, node.processes()) if "execute_step" in one or "multiprocessing" in one]


def test_a_training_of_two_processes_is_stopped_and_survives_the_loss_of_its_node(cluster, tmp_path):
    node = cluster.add()
    assert cluster.ui.ended(cluster.ui.launch(SHARDS)) == "SUCCESS"
    cluster.slow.touch()

    stopped = cluster.ui.launch(MODEL)
    until(lambda: cluster.newest() >= 20, "a checkpoint is in the bucket")
    assert len(working(node)) >= 3  # the step, and its two processes
    cluster.ui.terminate(stopped)
    assert cluster.ui.ended(stopped) == "CANCELED"
    until(lambda: not working(node), "nothing is left of a run that was terminated")
    kept = cluster.newest()

    run = cluster.ui.launch(MODEL)
    until(lambda: cluster.newest() >= kept + 40, "the training goes on from the checkpoint")
    node.kill()
    shutil.rmtree(cluster.ui.home / "store")  # the disk of the machine that was lost
    lost = cluster.newest()
    other = cluster.add()
    until(lambda: cluster.newest() > lost, "the training goes on on the other node")
    assert len(working(other)) >= 3
    cluster.slow.unlink()
    assert cluster.ui.ended(run) == "SUCCESS"
    said = cluster.said(run)
    assert "has requested a retry" in said, said
    assert "going on from the checkpoint of another machine" in said, said

    shards = write_shards(tmp_path / "shards").folder
    train_together(train_slowly, Execution(tmp_path / "undisturbed", trainers=2), shards)
    (path,) = [one.path for one in cluster.store.bucket.list() if one.path.endswith("model.safetensors")]
    (tmp_path / "made.safetensors").write_bytes(cluster.store.bucket.read(path)[0])
    shutil.copy(tmp_path / "undisturbed" / "model.json", tmp_path / "made.json")
    mine, theirs = load(tmp_path / "made").tensors, load(tmp_path / "undisturbed" / "model").tensors
    assert set(mine) == set(theirs)
    assert all(torch.equal(mine[name], one) for name, one in theirs.items())
