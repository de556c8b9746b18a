"""Kubernetes without a cluster: the chart knows all values, and all pods are valid and ask for what they need."""

import copy
import importlib
import importlib.util
import json

import jsonschema
import pytest
import yaml
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config
from tiny_documents import ROOT

from assets.registry import REGISTRY
from pipelines.definitions import build_defs
from pipelines.homes.needs import DEFAULT_BYTES, planned
from pipelines.settings import Settings
from pipelines.variables import FROZEN

FOLDER = ROOT / "pipelines" / "homes" / "kubernetes"
SECRET = "https://hooks.example.org/very-secret"
rendered = pytest.mark.skipif(
    any(importlib.util.find_spec(one) is None for one in ("dagster_k8s", "dagster_postgres", "kubernetes_validate")),
    reason="dagster-k8s, dagster-postgres or kubernetes-validate is not installed",
)


@pytest.fixture
def values() -> dict:
    return yaml.safe_load((FOLDER / "values.yaml").read_text())


@pytest.fixture
def schema() -> dict:
    return json.loads((FOLDER / "values.schema.json").read_text())


def test_the_values_are_ones_that_the_chart_knows(values, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    for change in (
        lambda one: one["dagsterDaemon"].update(runMonitorin={}),
        lambda one: one["concurrency"]["pools"].update(defaultLimit="4"),
        lambda one: one["dagster-user-deployments"]["deployments"][0].pop("image"),
        lambda one: one["additionalInstanceConfig"].update(telemetry={}),  # the chart writes it already
    ):
        wrong = copy.deepcopy(values)
        change(wrong)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)


def test_the_code_location_is_the_one_of_the_workspace_and_its_variables_are_settings(values, settings):
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    assert deployment["dagsterApiGrpcArgs"] == ["--module-name", "pipelines.definitions"]
    assert f"location_name: {deployment['name']}" in (ROOT / "workspace.yaml").read_text()
    names = {f"TESSITURA_{name.upper()}": name for name in Settings.model_fields}
    told = {names[one["name"]]: one["value"] for one in deployment["env"]}
    found = Settings.model_validate({**settings.model_dump(), **told})
    assert (found.preset, found.device) == ("paper", "cuda")
    assert found.trainings == values["concurrency"]["pools"]["defaultLimit"]


@rendered
def test_the_dagster_yaml_of_the_chart_is_one_that_dagster_takes(values, tmp_path):
    tiny = importlib.import_module("tiny_kubernetes")
    made = tiny.dagster_yaml(values)
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(made))
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["concurrency"]["pools"]["default_limit"] == 4
    made["run_coordinator"]["config"] = {"max_concurrent_runs": 4}  # a second limit beside that of `concurrency`
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(made))
    with pytest.raises(DagsterInvalidConfigError, match="incompatible"):
        dagster_instance_config(str(tmp_path))


_JOBS = dict[str, dict]()


@pytest.fixture
def jobs(values, settings) -> dict[str, dict]:
    """The Kubernetes jobs of a run of the whole graph at full size on GPUs, by asset, and of the run itself ("run")."""
    if not _JOBS:
        tiny = importlib.import_module("tiny_kubernetes")
        changes = {"executor": "k8s", "preset": "paper", "device": "cuda", "training_processes": 2, "notify": SECRET}
        definitions = build_defs(Settings.model_validate({**settings.model_dump(), **changes}))
        run, *steps = tiny.pods(values, definitions.resolve_job_def("everything"))
        named = {one["metadata"]["labels"]["dagster/op"].rpartition("__")[2]: one for one in steps}
        _JOBS.update(run=run, **named)
    return _JOBS


def container(job: dict) -> dict:
    (found,) = job["spec"]["template"]["spec"]["containers"]
    return found


@rendered
def test_the_pods_of_a_run_and_of_all_its_steps_are_valid(jobs, values):
    validate = importlib.import_module("kubernetes_validate").validate
    assert set(REGISTRY.assets) - {"listening_ratings"} <= set(jobs)  # which has a job of its own
    for job in jobs.values():
        validate(job, "1.33", strict=True)
        pod, inner = job["spec"]["template"]["spec"], container(job)
        assert inner["image"] == "REGISTRY/tessitura:COMMIT"
        assert inner["imagePullPolicy"] == "IfNotPresent"
        assert {"name": "tessitura", "mountPath": "/tessitura"} in inner["volumeMounts"]
        assert {one["name"]: one.get("value") for one in inner["env"]}["TESSITURA_PRESET"] == "paper"
        assert (pod["restartPolicy"], job["spec"]["backoffLimit"]) == ("Never", 0)
        assert (pod["terminationGracePeriodSeconds"], job["spec"]["ttlSecondsAfterFinished"]) == (120, 86400)
        assert "very-secret" not in json.dumps(job)
    validate(yaml.safe_load((FOLDER / "claim.yaml").read_text()), "1.33", strict=True)
    wrong = copy.deepcopy(jobs["run"])
    wrong["spec"]["backoffLimi"] = 0
    with pytest.raises(importlib.import_module("kubernetes_validate").ValidationError):
        validate(wrong, "1.33", strict=True)


@rendered
def test_what_an_asset_needs_is_what_its_pod_asks_for(jobs):
    assert "nvidia.com/gpu" not in container(jobs["run"])["resources"]["limits"]
    assert container(jobs["synthesis_scores"])["resources"]["limits"] == {"memory": f"{DEFAULT_BYTES >> 20}Mi"}
    for asset, known in planned()["paper"].items():
        job = jobs[asset]
        inner, pod = container(job), job["spec"]["template"]["spec"]
        assert inner["resources"]["limits"] == {"memory": f"{DEFAULT_BYTES >> 20}Mi", "nvidia.com/gpu": "2"}
        assert inner["resources"]["requests"].items() >= inner["resources"]["limits"].items()
        assert job["spec"]["activeDeadlineSeconds"] >= 2 * 3600 * known["gpu_hours"]
        (preferred,) = pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        (label,) = preferred["preference"]["matchExpressions"]
        assert int(label["values"][0]) == known["gpu_memory"] // 2**20
        assert json.loads({one["name"]: one.get("value") for one in inner["env"]}[FROZEN])["preset"] == "paper"
