"""Plans: what trainings cost by a few real steps, GPUs, disk, and the refusal of a run that does not fit."""

import json
import shutil
import sys
from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from test_assets_synthesis import TINY as SYNTHESIS
from test_models_separation import TINY as SEPARATION
from tiny import write_musdb, write_nsynth
from tiny_conversion import TINY as CONVERSION
from torch import nn

from data.errors import InputError
from models.conversion import plan as conversion
from models.conversion import presets as conversion_presets
from models.planning import Training, measure
from models.separation import plan as separation
from models.separation import presets as separation_presets
from models.synthesis import plan as synthesis
from models.synthesis import presets as synthesis_presets
from models.training.config import FitConfig
from pipelines import cli
from pipelines.definitions import make_graph
from pipelines.launch import Target, run_graph
from pipelines.planning import room
from pipelines.planning.disk import needs
from pipelines.planning.gpus import EFFICIENCY, find_gpu
from pipelines.planning.volume import notes, songs

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def tiny(monkeypatch):
    for presets, config in (
        (synthesis_presets, SYNTHESIS), (separation_presets, SEPARATION), (conversion_presets, CONVERSION),
    ):  # fmt: skip
        monkeypatch.setitem(presets.PRESETS, "demo", config)


@pytest.mark.parametrize(
    "training",
    [*synthesis.trainings(SYNTHESIS), *separation.trainings(SEPARATION), *conversion.trainings(CONVERSION)],
    ids=lambda one: one.asset,
)
def test_a_step_of_every_training_is_measured(training):
    found = measure(training, 1e9)
    network, groups, _ = training.start()
    assert found.parameters == sum(one.numel() for group in groups.values() for one in group) > 0
    assert found.flop > 0
    assert found.kept_bytes > 0
    assert found.seconds > 0
    assert found.examples == training.fit.batch_size
    assert network.training


def test_operations_are_counted_by_hand():
    network = nn.Linear(30, 20, bias=False)

    def losses(count):
        yield "network", network(torch.ones(count, 30, requires_grad=True)).sum()

    def start():
        return network, {"network": list(network.parameters())}, losses

    fit = FitConfig(steps=5, batch_size=8, ema=0.9)
    found = measure(Training("linear", fit, start), 1e9)
    assert found.parameters == 600
    assert found.flop == 3 * 2 * 30 * 20  # forward, and two products backward
    assert found.kept_bytes == 4 * 30  # the input; weights are not counted
    assert found.memory(fit) == 4 * 5 * 600 + 8 * 4 * 30
    assert found.memory(replace(fit, ema=0.0, accumulate=4)) == 4 * 4 * 600 + 2 * 4 * 30
    with pytest.raises(MemoryError):
        measure(Training("linear", fit, start), 4 * 4 * 600 - 1)
    some = measure(Training("linear", fit, start), 4 * 4 * 600 + 3 * 120)  # memory for three examples of eight
    assert some.examples == 3


def test_gpus_are_found_by_name_and_compute_at_a_share_of_their_peak():
    gpu = find_gpu("rtx-4090")
    assert gpu.name == "RTX 4090"
    assert gpu.seconds(EFFICIENCY * 165.2e12 * 60, "bfloat16") == pytest.approx(60)
    assert gpu.seconds(EFFICIENCY * 82.6e12 * 60, "float32") == pytest.approx(60)
    with pytest.raises(InputError, match=r"--gpu V100: not in the table; there are H100, A100, L4, RTX 4090"):
        find_gpu("V100")


def test_data_are_counted_where_they_lie_else_published_sizes_are_taken(settings, tmp_path):
    write_nsynth(tmp_path / "nsynth" / "nsynth-train", 1, range(60, 63), (25,))
    write_musdb(tmp_path / "musdb", {"A - One": "train", "B - Two": "test"}, seconds=2.0)
    mine = make_graph(
        settings.model_copy(update={"nsynth": str(tmp_path / "nsynth"), "musdb": str(tmp_path / "musdb")})
    )
    assert notes(mine).items == 3
    assert songs(mine).items == 2
    assert songs(mine).seconds == pytest.approx(4.0, rel=0.01)
    published = make_graph(settings.model_copy(update={"nsynth": "official", "musdb": "musdb18hq"}))
    assert (notes(published).items, songs(published).items) == (305_979, 150)
    sizes = {one.asset: one.size for one in needs(published, "synthesis")}
    assert sizes["nsynth_shards"] == 305_979 * 64_000 * 2
    assert sum(one.size for one in needs(published, "separation")) > 30e9


def test_a_run_that_does_not_fit_the_disk_is_refused_before_it_starts(settings, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(2e9, 1e9, 1.01e9))
    official = settings.model_copy(update={"nsynth": "official", "preset": "paper"})
    with pytest.raises(InputError) as refused:
        run_graph(official, Target.parse("synthesis"))
    said = str(refused.value)
    assert said.startswith(f"{settings.store_folder}: the run needs about ")
    assert "1.0 GB are free; most is for nsynth_shards (39.2 GB: 305,979 notes, 16 bits)" in said
    assert "TESSITURA_HOME" in said
    assert not settings.store_folder.exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(2e12, 1e9, 1e12))
    room.check_room(make_graph(official), ["synthesis", "separation", "conversion"])


def test_the_command_tells_hours_memory_and_disk_with_totals(settings, tiny, monkeypatch, capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tessitura", "plan", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    status, out, err = run("synthesis", "separation", "--preset", "demo", "--gpu", "A100", "--json")
    assert status == 0, err
    found = json.loads(out)
    assert found["preset"] == "demo"
    assert found["gpu"]["efficiency"] == EFFICIENCY
    assert "arXiv 2204.02311" in found["gpu"]["efficiency_source"]
    planned = found["systems"]["synthesis"]
    assert [one["asset"] for one in planned["trainings"]] == [
        "synthesis_autoencoder", "synthesis_sequence", "synthesis_model", "synthesis_wavenet",
    ]  # fmt: skip
    assert planned["hours"] == pytest.approx(sum(one["hours"] for one in planned["trainings"]))
    parts = [one["disk"] for one in planned["trainings"]] + [one["size"] for one in planned["data"]]
    assert planned["disk"] == pytest.approx(sum(parts))
    assert found["disk"]["needed"] >= planned["disk"]
    assert found["disk"]["folder"] == str(settings.store_folder)
    status, out, _ = run("separation", "--preset", "demo")
    assert status == 0
    assert "separation_denoiser" in out
    assert "in total" in out
    assert "hours are those of the trainings" in out
    assert run("--preset", "huge")[::2] == (2, "error: 'huge' is no preset; there are paper, small, demo\n")
    assert run("singing", "--preset", "demo")[0] == 2
    assert not settings.store_folder.exists()
