"""What each asset needs of a machine, as tags that Ray and Kubernetes place its step by.

Needs of trainings are those that `tessitura plan` computes. `needs.json` has them by preset and asset: largest memory
and GPU memory in bytes, hours on an A100, and what that was computed from: steps, examples of a step, and with how many
of these it was measured. What is not planned gets `DEFAULT_BYTES`. To measure anew, after a change of a preset:

    .venv/bin/tessitura plan --preset paper --gpu A100 --json > plan.json
    .venv/bin/python -m pipelines.homes.needs plan.json
"""

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from assets.declaration import StoredAsset
from data.files.durable import read_json, write_json
from pipelines.settings import Settings

TABLE = Path(__file__).with_name("needs.json")
BASE_BYTES = 2 * 1024**3  # Python, torch and Dagster of a step, and what it reads ahead
DEFAULT_BYTES = 4 * 1024**3  # an asset that the plan does not know: the largest measured judge takes 2 GB
# A pod is ended after an hour and so many times the planned hours. The plan can be off by a factor of two (the share of
# a GPU's peak that a training reaches), and the slowest GPU of its table takes 2.6 times as long as the A100.
DEADLINE = 10
_COLUMNS = ("memory", "gpu_memory", "gpu_hours", "steps", "batch", "measured")
_MIB = 1024**2


@cache
def planned() -> dict[str, dict[str, dict[str, Any]]]:
    """Return what the plan computed, by preset and asset.

    Returns:
        "memory" and "gpu_memory" in bytes, "gpu_hours" on an A100, "steps", "batch" (examples of a step), "measured"
        (with how many examples, as text).
    """
    return read_json(TABLE)


def tags_of(asset: StoredAsset, settings: Settings) -> Mapping[str, Any]:
    """Return the tags of the op that makes an asset.

    With TESSITURA_DEVICE=cuda every asset that trains or infers on a GPU asks for one, or for as many as processes
    train one model.

    Returns:
        "tessitura/memory", "tessitura/gpus" and, for planned trainings, "tessitura/hours" and "tessitura/gpu-memory",
        as text; and the same for Ray ("dagster-ray/config") and for Kubernetes ("dagster-k8s/config").

    Example:
        >>> tags_of(REGISTRY.assets["synthesis_model"], Settings.read())["tessitura/gpus"]
        '0'
    """
    known = planned().get(settings.preset, {}).get(asset.name, {})
    gpus = _gpus(asset, settings)
    computed = BASE_BYTES + int(known["memory"]) if known and not gpus else DEFAULT_BYTES
    memory = max(DEFAULT_BYTES, computed) // _MIB * _MIB
    cpus = max(1, settings.loaders if asset.trains else settings.workers)
    told = {"tessitura/memory": f"{memory / 1024**3:.1f} GiB", "tessitura/gpus": str(gpus)}
    if known:
        told["tessitura/hours"] = f"{known['gpu_hours']:.2g} on an A100"
        told["tessitura/gpu-memory"] = f"{known['gpu_memory'] / 1024**3:.1f} GiB"
    return {
        **told,
        "dagster-ray/config": {"num_cpus": cpus, "num_gpus": gpus, "memory": memory},
        "dagster-k8s/config": _pod(cpus, gpus, memory, known),
    }


def _gpus(asset: StoredAsset, settings: Settings) -> int:
    """Return the number of GPUs that an asset computes on; a training of several processes has one for each."""
    if settings.device != "cuda" or "pytorch" not in asset.kinds:
        return 0
    return max(1, settings.training_processes) if asset.trains else 1


def _pod(cpus: int, gpus: int, memory: int, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a pod needs. On GPUs a planned training has a deadline, and prefers nodes with enough GPU memory."""
    limits: dict[str, Any] = {"memory": f"{memory // _MIB}Mi"}
    job: dict[str, Any] = {"backoffLimit": 0}  # Dagster tries a step again, not Kubernetes
    pod: dict[str, Any] = {}
    if gpus:
        limits["nvidia.com/gpu"] = str(gpus)
    if gpus and known:
        job["activeDeadlineSeconds"] = round(3600 * (1 + DEADLINE * known["gpu_hours"]))
        # The label is set by NVIDIA's device plugin, in MiB. A preference, so that clusters without labels work too.
        enough = {"key": "nvidia.com/gpu.memory", "operator": "Gt", "values": [str(int(known["gpu_memory"]) // _MIB)]}
        preferred = [{"weight": 100, "preference": {"matchExpressions": [enough]}}]
        pod["affinity"] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    resources = {"requests": {"cpu": str(cpus), **limits}, "limits": limits}
    return {"container_config": {"resources": resources}, "pod_spec_config": pod, "job_spec_config": job}


def remember(plan: Mapping[str, Any]) -> None:
    """Put what a plan (`pipelines.planning.plan.make_plan`) says of trainings into the table."""
    rows = [row for system in plan["systems"].values() for row in system["trainings"]]
    found = {row["asset"]: {name: row[name] for name in _COLUMNS} for row in rows}
    for one in found.values():
        one["measured"] = one["measured"].partition(";")[0]  # what follows is of the machine of the plan
    known = planned() if TABLE.is_file() else {}
    write_json(TABLE, {**known, plan["preset"]: dict(sorted(found.items()))})


if __name__ == "__main__":
    for file in sys.argv[1:]:
        remember(read_json(Path(file)))
        planned.cache_clear()
