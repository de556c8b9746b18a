"""What Dagster makes of the values of its Helm chart: dagster.yaml, the pod of a run, the pods of its steps.

There is no cluster: what would be sent to it is kept. The lines of dagster.yaml and the context of the code location
are written as the templates of the chart for Dagster 1.13 do, as far as the values use them; the rest is the code of
dagster-k8s.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import dagster as dg
import kubernetes
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.context.system import PlanData, PlanOrchestrationContext
from dagster._core.execution.context_creation_job import create_context_free_log_manager
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.init import InitExecutorContext
from dagster._core.executor.step_delegating import StepHandlerContext
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.test_utils import instance_for_test
from dagster._grpc.types import ExecuteStepArgs
from dagster_k8s.client import DagsterKubernetesClient

HOME = "/opt/dagster/dagster_home"
_POSTGRES = {"postgres_db": {"hostname": "h", "username": "u", "password": {"env": "P"}, "db_name": "d", "port": 5432}}


def dagster_yaml(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of dagster.yaml that the chart makes of values."""
    daemon, retention, concurrency = values["dagsterDaemon"], values["retention"], values["concurrency"]
    monitoring, retries = daemon["runMonitoring"], daemon["runRetries"]
    storages = {"run": "RunStorage", "event_log": "EventLogStorage", "schedule": "ScheduleStorage"}
    modules = {"run": "run_storage", "event_log": "event_log", "schedule": "schedule_storage"}
    return {
        **{
            f"{name}_storage": {
                "module": f"dagster_postgres.{modules[name]}",
                "class": f"Postgres{one}",
                "config": _POSTGRES,
            }
            for name, one in storages.items()
        },
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher(values)},
        "run_coordinator": {"module": "dagster.core.run_coordinator", "class": "QueuedRunCoordinator"},
        "concurrency": {
            "pools": {"default_limit": concurrency["pools"]["defaultLimit"]},
            "runs": {"max_concurrent_runs": concurrency["runs"]["maxConcurrentRuns"]},
        },
        "run_monitoring": {
            "enabled": monitoring["enabled"],
            "start_timeout_seconds": monitoring["startTimeoutSeconds"],
            "free_slots_after_run_end_seconds": monitoring["freeSlotsAfterRunEndSeconds"],
        },
        "run_retries": {
            "enabled": retries["enabled"],
            "max_retries": retries["maxRetries"],
            "retry_on_asset_or_op_failure": retries["retryOnAssetOrOpFailure"],
        },
        "telemetry": {"enabled": values["telemetry"]["enabled"]},
        "retention": {name: {"purge_after_days": retention[name]["purgeAfterDays"]} for name in ("schedule", "sensor")},
        **values["additionalInstanceConfig"],
    }


def launcher(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration of the launcher of runs that the chart makes of values."""
    own = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    names = {
        "jobSpecConfig": "job_spec_config",
        "podSpecConfig": "pod_spec_config",
        "containerConfig": "container_config",
    }
    return {
        "load_incluster_config": True,
        "job_namespace": "music",
        "image_pull_policy": "Always",
        "service_account_name": "tessitura-dagster",
        "dagster_home": HOME,
        "instance_config_map": "tessitura-dagster-instance",
        "postgres_password_secret": "dagster-postgresql-secret",
        "run_k8s_config": {names[name]: one for name, one in own.items()},
    }


def location(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the image of the code location, and the context that the chart has it give to its runs."""
    (one,) = values["dagster-user-deployments"]["deployments"]
    context = {
        "image_pull_policy": one["image"]["pullPolicy"],
        "env_config_maps": [f"tessitura-dagster-user-deployments-{one['name']}-user-env"],
        "env_secrets": [secret["name"] for secret in one.get("envSecrets", [])],
        "namespace": "music",
        "service_account_name": "tessitura-dagster-user-deployments",
        "run_k8s_config": {"pod_spec_config": {"automount_service_account_token": True}},
    }
    names = {"env": "env", "resources": "resources", "volumes": "volumes", "volumeMounts": "volume_mounts"}
    image = f"{one['image']['repository']}:{one['image']['tag']}"
    return image, {"k8s": context | {names[name]: one[name] for name in names if name in one}}


class Cluster:
    """Keeps the jobs that are to be created."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []

    def create_namespaced_job_with_retries(self, body: Any, namespace: str) -> None:
        assert namespace == "music"
        self.jobs.append(kubernetes.client.ApiClient().sanitize_for_serialization(body))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Context manager: dagster-k8s takes this process for a pod of a cluster that keeps what it is sent."""
    found = Cluster()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kubernetes.config, "load_incluster_config", lambda: None)
        patch.setattr(DagsterKubernetesClient, "production_client", lambda **_: found)
        yield found


def pods(values: Mapping[str, Any], job: dg.JobDefinition) -> list[dict[str, Any]]:
    """Return the Kubernetes job of a run of a Dagster job, and after it those of its steps, in order."""
    image, context = location(values)
    repository = RepositoryPythonOrigin(
        sys.executable, ModuleCodePointer("pipelines.definitions", "defs"), image, ["dagster"], context
    )
    origin, executor = JobPythonOrigin(job.name, repository), job.executor_def
    told = {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": launcher(values)}
    with cluster() as found, instance_for_test(overrides={"run_launcher": told}) as instance:
        plan = create_execution_plan(job)
        run = instance.create_run_for_job(job, execution_plan=plan, job_code_origin=origin)
        instance.run_launcher.launch_run(LaunchRunContext(run, None))
        assert executor.executor_creation_fn is not None
        configured = executor.apply_config_mapping({}).value["config"]
        made = executor.executor_creation_fn(InitExecutorContext(InMemoryJob(job), executor, configured, instance))
        data = PlanData(InMemoryJob(job), run, instance, plan, raise_on_error=True, retry_mode=RetryMode.DISABLED)
        whole = PlanOrchestrationContext(data, create_context_free_log_manager(instance, run), made, None)
        for step in plan.steps:
            args = ExecuteStepArgs(origin, run.run_id, [step.key], instance.get_ref(), print_serialized_events=False)
            list(made._step_handler.launch_step(StepHandlerContext(instance, whole, [step], args)))
        return found.jobs
