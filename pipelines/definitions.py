"""The one Definitions object: every asset by group, its checks, jobs, schedule, sensor and resources."""

import hashlib
import json

import dagster as dg

from assets.datasets import musdb, nsynth
from assets.separation import evaluation as separation_evaluation
from assets.separation import report as separation_report
from assets.separation import stages as separation_stages
from assets.separation import studies as separation_studies
from assets.store import plain
from assets.synthesis import evaluation as synthesis_evaluation
from assets.synthesis import report as synthesis_report
from assets.synthesis import stages as synthesis_stages
from models.separation.config import PRESETS as SEPARATION
from models.synthesis.config import PRESETS as SYNTHESIS
from pipelines.console import console
from pipelines.failures import failures
from pipelines.jobs import JOBS, SCHEDULES
from pipelines.settings import Settings

GROUPS = {
    "data": [nsynth, musdb],
    "synthesis": [synthesis_stages, synthesis_evaluation, synthesis_report],
    "separation": [separation_stages, separation_evaluation, separation_studies, separation_report],
}
# Processes that import torch once and are forked from, at most two at a time.
EXECUTOR = dg.multiprocess_executor.configured(
    {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": ["pipelines.definitions"]}}}
)


def build_defs(settings: Settings) -> dg.Definitions:
    """Return the definitions for an environment; tests pass settings of their own."""
    presets = [one[settings.preset] for one in (SYNTHESIS, SEPARATION)]
    preset = hashlib.sha256(json.dumps(plain(presets), sort_keys=True).encode()).hexdigest()[:8]

    def versioned(spec: dg.AssetSpec) -> dg.AssetSpec:
        # Another preset is another recipe: the UI then shows what it has made stale.
        return spec.replace_attributes(code_version=f"{spec.code_version}-{settings.preset}-{preset}")

    assets = [
        dg.map_asset_specs(versioned, dg.load_assets_from_modules(modules, group_name=group))
        for group, modules in GROUPS.items()
    ]
    checks = [dg.load_asset_checks_from_modules(modules) for modules in GROUPS.values()]
    return dg.Definitions(
        assets=[one for group in assets for one in group],
        asset_checks=[one for group in checks for one in group],
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=[failures],
        resources=settings.resources(),
        executor=EXECUTOR,
        loggers={"console": console},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for this environment."""
    return build_defs(Settings.read())
