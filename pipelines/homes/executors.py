"""Chooses what executes the steps of a run, by the setting TESSITURA_EXECUTOR; the rest is in the home's dagster.yaml.

Steps on a Ray cluster and in pods get the settings as they were when the code server loaded the definitions, so all
machines work with the same ones. They need the checkout, its environment and the store at the same paths.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg

from data.errors import InputError
from pipelines.execution import make_executor
from pipelines.settings import Settings
from pipelines.variables import FROZEN

# Variables that a step on another machine needs, where this one has them: the settings, and what dagster.yaml reads.
PASSED = (
    FROZEN,
    "DAGSTER_HOME",
    "DAGSTER_POSTGRES_HOST",
    "DAGSTER_POSTGRES_PORT",
    "DAGSTER_POSTGRES_USER",
    "DAGSTER_POSTGRES_PASSWORD",
    "DAGSTER_POSTGRES_DB",
)
_GRACE_SECONDS = 120  # in which a training that is stopped writes a checkpoint


def choose_executor(settings: Settings) -> dg.ExecutorDefinition:
    """Return the executor of all jobs.

    Raises:
        InputError: the executor needs a package that is not installed; the message says how to install it.

    Example:
        >>> choose_executor(Settings.read()).name
        'processes'
    """
    chosen: dict[str, Callable[[Settings], dg.ExecutorDefinition]] = {
        "ray": _ray,
        "k8s": _kubernetes,
        "processes": lambda settings: make_executor(settings.home, settings.trainings),
    }
    return chosen[settings.executor](settings)


def _limits(settings: Settings) -> list[dict[str, Any]]:
    """Return how many trainings of one run may be placed at a time."""
    return [{"key": "tessitura/training", "value": "yes", "limit": settings.trainings}]


def _ray(settings: Settings) -> dg.ExecutorDefinition:
    """Return the executor that submits each step as a Ray job to the cluster that RAY_ADDRESS names."""
    import os

    try:
        from dagster_ray import ray_executor
    except ImportError as error:
        raise _missing("ray") from error
    passed = [name for name in PASSED if name in os.environ or name == FROZEN]
    return ray_executor.configured(
        {"ray": {"env_vars": passed}, "tag_concurrency_limits": _limits(settings)}, name="ray"
    )


def _kubernetes(settings: Settings) -> dg.ExecutorDefinition:
    """Return the executor that runs each step in a pod of its own, made from the image of the run."""
    try:
        from dagster_k8s import k8s_job_executor
    except ImportError as error:
        raise _missing("k8s") from error
    container = {"env": [{"name": FROZEN, "value": settings.frozen()}]}
    return k8s_job_executor.configured(
        {
            "step_k8s_config": {
                "container_config": container,
                "pod_spec_config": {"termination_grace_period_seconds": _GRACE_SECONDS},
            },
            "enable_owner_references": True,  # the pods of a run are deleted with it
            "tag_concurrency_limits": _limits(settings),
        },
        name="k8s",
    )


def _missing(extra: str) -> InputError:
    return InputError(
        f"TESSITURA_EXECUTOR={extra} needs packages that are not installed; install them with: "
        ".venv/bin/uv pip install --require-hashes -r pipelines/homes/requirements.lock"
    )
