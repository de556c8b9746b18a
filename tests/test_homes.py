"""What the homes share: one setting chooses the executor, needs are tags, files of Dagster load."""

import builtins
import importlib.util
import json
import re

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from tiny_documents import ROOT

from assets.environment import Configuration
from assets.registry import REGISTRY
from data.errors import InputError
from data.files.durable import read_json
from models.conversion import plan as conversion
from models.separation import plan as separation
from models.synthesis import plan as synthesis
from pipelines.definitions import build_defs, make_graph
from pipelines.homes import needs
from pipelines.homes.executors import choose_executor
from pipelines.homes.needs import DEFAULT_BYTES, planned, tags_of
from pipelines.settings import Settings
from pipelines.variables import FROZEN

HOMES = ROOT / "pipelines" / "homes"


def installed(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed")


def choosing(settings: Settings, **changes) -> Settings:
    return Settings.model_validate({**settings.model_dump(), **changes})


@pytest.mark.parametrize(
    ("executor", "package"), [("ray", "dagster_ray"), ("k8s", "dagster_k8s")]
)  # fmt: skip
def test_an_executor_whose_package_is_missing_is_told_with_the_remedy(settings, monkeypatch, executor, package):
    original = builtins.__import__

    def missing(name, *arguments, **options):
        if name.split(".")[0] == package:
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=rf"TESSITURA_EXECUTOR={executor} needs .* pipelines/homes/requirements\.lock"):
        choose_executor(choosing(settings, executor=executor))


@pytest.mark.parametrize(
    "executor",
    [
        "processes",
        pytest.param("ray", marks=installed("dagster_ray")),
        pytest.param("k8s", marks=installed("dagster_k8s")),
    ],
)
def test_one_setting_chooses_the_executor_of_every_job(settings, executor):
    definitions = build_defs(choosing(settings, executor=executor))
    dg.Definitions.validate_loadable(definitions)
    assert {one.executor_def.name for one in definitions.resolve_all_job_defs()} == {executor}


@pytest.mark.parametrize(
    "executor",
    [pytest.param("ray", marks=installed("dagster_ray")), pytest.param("k8s", marks=installed("dagster_k8s"))],
)
def test_steps_elsewhere_get_the_settings_and_no_secret(settings, executor):
    secret = "https://hooks.example.org/very-secret"
    made = choose_executor(choosing(settings, executor=executor, preset="small", notify=secret))
    sent = json.dumps(resolved(made))
    assert "very-secret" not in sent
    assert FROZEN in sent
    assert "small" in sent


def resolved(executor: dg.ExecutorDefinition) -> dict:
    """Return the configuration of an executor that was configured in code."""
    return executor.apply_config_mapping({}).value


def test_what_an_asset_needs_is_in_its_tags(settings):
    training, judging = REGISTRY.assets["separation_denoiser"], REGISTRY.assets["separation_scores"]
    here = tags_of(training, settings)
    assert (here["tessitura/gpus"], here["dagster-ray/config"]["num_gpus"]) == ("0", 0)
    on_gpus = choosing(settings, device="cuda", training_processes=4, preset="small")
    tags = tags_of(training, on_gpus)
    assert tags["tessitura/gpus"] == "4"
    assert tags["dagster-k8s/config"]["container_config"]["resources"]["limits"]["nvidia.com/gpu"] == "4"
    assert tags["tessitura/hours"].endswith("on an A100")
    assert tags_of(judging, on_gpus)["tessitura/gpus"] == "0"
    definitions = build_defs(on_gpus)
    nodes = {one.name.rpartition("__")[2]: one for one in definitions.resolve_job_def("everything").nodes}
    assert json.loads(nodes["separation_denoiser"].definition.tags["dagster-ray/config"])["num_gpus"] == 4
    assert nodes["separation_denoiser"].definition.tags["tessitura/training"] == "yes"


def test_the_lock_of_the_homes_has_the_versions_of_the_other_lock():
    pins = [
        dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", path.read_text(), flags=re.MULTILINE))
        for path in (ROOT / "requirements.lock", HOMES / "requirements.lock")
    ]
    assert {name: pins[1].get(name) for name in pins[0]} == pins[0]
    assert {"ray", "dagster-ray", "dagster-postgres", "dagster-k8s"} <= set(pins[1]) - set(pins[0])


@pytest.mark.parametrize("preset", ["demo", "small", "paper"])
def test_the_planned_needs_are_those_of_the_trainings_of_the_preset(settings, preset):
    chosen = choosing(settings, preset=preset)
    run, known = Configuration(chosen.environment()), planned()[preset]
    trainings = [
        *synthesis.trainings(run.synthesis), *separation.trainings(run.separation),
        *conversion.trainings(run.conversion),
    ]  # fmt: skip
    assert {name: (one["steps"], one["batch"]) for name, one in known.items()} == {
        one.asset: (one.fit.steps, one.fit.batch_size) for one in trainings
    }
    graph = make_graph(chosen).registry.assets
    for name, one in known.items():
        assert graph[name].trains
        assert one["memory"] >= one["gpu_memory"] > 0
        tags = tags_of(graph[name], choosing(chosen, device="cpu"))
        assert tags["dagster-ray/config"]["memory"] >= min(one["memory"], DEFAULT_BYTES)
        assert tags["tessitura/hours"] == f"{one['gpu_hours']:.2g} on an A100"
    report = tags_of(graph["synthesis_report"], chosen)
    assert report["dagster-ray/config"]["memory"] == DEFAULT_BYTES
    assert "tessitura/hours" not in report


def test_a_plan_is_put_into_the_table(tmp_path, monkeypatch):
    monkeypatch.setattr(needs, "TABLE", tmp_path / "needs.json")
    monkeypatch.setattr(needs, "planned", lambda: read_json(tmp_path / "needs.json"))
    row = {"asset": "a", "memory": 2.0, "gpu_memory": 1.0, "gpu_hours": 0.5, "steps": 9, "batch": 8, "disk": 3.0}
    plan = {
        "systems": {
            "synthesis": {"trainings": [{**row, "measured": "measured with 2 of 8 examples; more does not fit"}]}
        }
    }
    for preset in ("demo", "paper"):
        needs.remember({**plan, "preset": preset})
    table = read_json(tmp_path / "needs.json")
    assert set(table) == {"demo", "paper"}
    kept = {name: one for name, one in row.items() if name not in ("asset", "disk")}
    assert table["paper"]["a"] == {**kept, "measured": "measured with 2 of 8 examples"}


@pytest.mark.parametrize("home", ["laptop", "server", "ray"])
def test_the_configuration_of_a_home_is_one_that_dagster_takes(home, tmp_path, monkeypatch):
    if home != "laptop" and importlib.util.find_spec("dagster_postgres") is None:
        pytest.skip("dagster-postgres is not installed")
    text = (HOMES / home / "dagster.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(text)
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["telemetry"] == {"enabled": False}
    assert yaml.safe_load(text)["concurrency"]["pools"]["default_limit"] >= 1
