"""What the homes share: one setting chooses the executor, needs are tags, pods are valid, files of Dagster load."""

import builtins
import importlib.util
import json

import dagster as dg
import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config
from tiny_documents import ROOT

from assets.registry import REGISTRY
from data.errors import InputError
from pipelines.definitions import build_defs
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


def test_needs_are_planned_for_trainings_that_exist():
    assert set(planned()) >= {"demo", "small"}
    for preset, known in planned().items():
        assert set(known) <= set(REGISTRY.assets), preset
        assert all(one["memory"] > 0 and one["gpu_hours"] > 0 for one in known.values()), preset
    memory = tags_of(REGISTRY.assets["synthesis_report"], Settings())["dagster-ray/config"]["memory"]
    assert memory == DEFAULT_BYTES


@pytest.mark.parametrize("home", ["laptop", "server", "ray"])
def test_the_configuration_of_a_home_is_one_that_dagster_takes(home, tmp_path, monkeypatch):
    if home != "laptop" and importlib.util.find_spec("dagster_postgres") is None:
        pytest.skip("dagster-postgres is not installed")
    text = (HOMES / home / "dagster.yaml").read_text()
    (tmp_path / "dagster.yaml").write_text(text)
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["telemetry"] == {"enabled": False}
    assert yaml.safe_load(text)["concurrency"]["pools"]["default_limit"] >= 1


@installed("dagster_k8s")
def test_pods_of_steps_are_rendered_and_valid(settings):
    jobs = importlib.import_module("dagster_k8s.job")
    on_gpus = choosing(settings, executor="k8s", device="cuda", training_processes=2, preset="small")
    asset = REGISTRY.assets["separation_denoiser"]
    own = jobs.UserDefinedDagsterK8sConfig.from_dict(tags_of(asset, on_gpus)["dagster-k8s/config"])
    config = jobs.DagsterK8sJobConfig(
        job_image="registry/tessitura:1", dagster_home="/opt/dagster", instance_config_map="i"
    )
    job = jobs.construct_dagster_k8s_job(
        config, ["dagster"], "step", own
    ).to_dict()  # refuses what Kubernetes does not know
    pod = job["spec"]["template"]["spec"]
    resources = pod["containers"][0]["resources"]
    assert resources["limits"]["nvidia.com/gpu"] == "2"
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == f"{DEFAULT_BYTES // 2**20}Mi"
    assert job["spec"]["backoff_limit"] == 0
    executor = choose_executor(on_gpus)
    assert executor.name == "k8s"


@installed("dagster_k8s")
def test_the_values_of_the_chart_configure_a_launcher_that_exists(settings):
    jobs = importlib.import_module("dagster_k8s.job")
    values = yaml.safe_load((HOMES / "kubernetes" / "values.yaml").read_text())
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert deployment["dagsterApiGrpcArgs"] == ["--module-name", "pipelines.definitions"]
    known = {f"TESSITURA_{name.upper()}" for name in Settings.model_fields}
    assert {one["name"] for one in deployment["env"]} <= known
    run = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    config = jobs.UserDefinedDagsterK8sConfig.from_dict(
        {
            "container_config": run["containerConfig"],
            "job_spec_config": {"ttl_seconds_after_finished": run["jobSpecConfig"]["ttlSecondsAfterFinished"]},
            "pod_spec_config": {
                "termination_grace_period_seconds": run["podSpecConfig"]["terminationGracePeriodSeconds"]
            },
        }
    )
    assert config.container_config["resources"]["limits"]["memory"] == "2Gi"
    assert FROZEN not in known
