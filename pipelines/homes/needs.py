"""What each asset needs of a machine, as tags that Ray and Kubernetes place its step by.

Memory of trainings is that which `tessitura plan` computes (`needs.json`: largest memory in bytes by preset and asset,
and hours on an A100); what is not planned gets `DEFAULT_BYTES`. To measure anew, after a change of a preset:

    .venv/bin/tessitura plan --preset small --gpu A100 --json > plan.json
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
_MIB = 1024**2


@cache
def planned() -> dict[str, dict[str, dict[str, float]]]:
    """Return what the plan computed: by preset and asset "memory" in bytes, "gpu_memory" in bytes, "gpu_hours"."""
    return read_json(TABLE)


def tags_of(asset: StoredAsset, settings: Settings) -> Mapping[str, Any]:
    """Return the tags of the op that makes an asset.

    With TESSITURA_DEVICE=cuda every asset that trains or infers on a GPU asks for one, or for as many as processes
    train one model.

    Returns:
        "tessitura/memory", "tessitura/gpus" and, for planned trainings, "tessitura/hours", as text; and the same for
        Ray ("dagster-ray/config") and for Kubernetes ("dagster-k8s/config").

    Example:
        >>> tags_of(REGISTRY.assets["synthesis_model"], Settings.read())["tessitura/gpus"]
        '0'
    """
    known = planned().get(settings.preset, {}).get(asset.name, {})
    gpus = _gpus(asset, settings)
    computed = BASE_BYTES + int(known["memory"]) if known and not gpus else DEFAULT_BYTES
    memory = max(DEFAULT_BYTES, computed) // _MIB * _MIB
    cpus = max(1, settings.loaders if asset.trains else settings.workers)
    limits: dict[str, Any] = {"memory": f"{memory // _MIB}Mi"}
    if gpus:
        limits["nvidia.com/gpu"] = str(gpus)
    told = {"tessitura/memory": f"{memory / 1024**3:.1f} GiB", "tessitura/gpus": str(gpus)}
    if known:
        told["tessitura/hours"] = f"{known['gpu_hours']:.2g} on an A100"
        told["tessitura/gpu-memory"] = f"{known['gpu_memory'] / 1024**3:.1f} GiB"
    return {
        **told,
        "dagster-ray/config": {"num_cpus": cpus, "num_gpus": gpus, "memory": memory},
        "dagster-k8s/config": {
            "container_config": {"resources": {"requests": {"cpu": str(cpus), **limits}, "limits": limits}},
            "job_spec_config": {"backoffLimit": 0},  # Dagster tries a step again, not Kubernetes
        },
    }


def _gpus(asset: StoredAsset, settings: Settings) -> int:
    """Return the number of GPUs that an asset computes on; a training of several processes has one for each."""
    if settings.device != "cuda" or "pytorch" not in asset.kinds:
        return 0
    return max(1, settings.training_processes) if asset.trains else 1


def remember(plan: Mapping[str, Any]) -> None:
    """Put what a plan (`pipelines.planning.plan.make_plan`) says of trainings into the table."""
    rows = [row for system in plan["systems"].values() for row in system["trainings"]]
    found = {row["asset"]: {name: row[name] for name in ("memory", "gpu_memory", "gpu_hours")} for row in rows}
    known = planned() if TABLE.is_file() else {}
    write_json(TABLE, {**known, plan["preset"]: dict(sorted(found.items()))})


if __name__ == "__main__":
    for file in sys.argv[1:]:
        remember(read_json(Path(file)))
        planned.cache_clear()
