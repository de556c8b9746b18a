"""An asset whose training runs in two processes: like that of one, seen in Dagster, and found again by either."""

import os
from pathlib import Path

import pytest
import torch
from test_assets_synthesis import DATA, TINY
from tiny import write_nsynth
from tiny_forked import Forked
from tiny_graph import Home, metadata

from data.errors import InputError
from models.synthesis import presets
from models.training.checkpoint import load


@pytest.fixture
def source(tmp_path, monkeypatch) -> str:
    torch.set_num_threads(1)
    Forked("", [], os.environ).wait()  # starts the fork server of the tests, which has imported everything
    monkeypatch.setitem(presets.PRESETS, "demo", TINY)
    return str(write_nsynth(tmp_path / "nsynth"))


def test_two_processes_make_the_asset_that_one_makes(tmp_path, source):
    homes = [Home(tmp_path / str(count), nsynth=source, training_processes=count) for count in (1, 2)]
    stage = "synthesis_autoencoder"
    results = [home.materialize(*DATA, stage) for home in homes]
    alone, both = (load(Path(str(home.current(stage))) / "model") for home in homes)
    for name, one in alone.tensors.items():
        torch.testing.assert_close(both.tensors[name], one, rtol=1e-3, atol=1e-5)
    observed = [one for one in results[1].get_asset_observation_events() if one.asset_key.path[-1] == stage]
    assert observed[-1].asset_observation_data.asset_observation.metadata["done"].value == TINY.train_autoencoder.steps
    # The number of processes is no part of what a version is known by.
    again = Home(tmp_path / "2", nsynth=source).materialize(stage)
    assert metadata(again, stage)["reused"]


def test_more_processes_than_gpus_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    environment = Home(tmp_path, device="auto", training_processes=0).environment
    assert environment.training_together() == 2
    with pytest.raises(InputError, match=r"TESSITURA_TRAINING_PROCESSES=3: each needs a GPU, torch finds 2"):
        Home(tmp_path, device="cuda", training_processes=3).environment.training_together()
    assert Home(tmp_path, device="cpu", training_processes=0).environment.training_together() == 1
