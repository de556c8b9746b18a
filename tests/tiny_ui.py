"""A small system for the web UI: data, a model that trains for real, a report. `tessitura dev` can open it.

The training is slow, a quarter of a second a step, as long as the file that the variable TINY_SLOW names exists: then
it takes longer than any test is patient.
"""

# ruff: noqa: PLC0415 (like the assets of the project, these import torch only when they are made)

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import dagster as dg
from tiny_assets import Known

from assets.audits import FINITE
from assets.declaration import Registry, Source, Summary, Work, stored_asset
from assets.display import curves, table
from assets.graph import Graph
from data.files.durable import write_bytes, write_json
from data.processes import end_with_parent
from pipelines import execution
from pipelines.console import console
from pipelines.recovery import dead_runs
from pipelines.reports.run import show_report
from pipelines.settings import Settings

STEPS = 3000
__name__ = "assets.tiny.stages"  # the functions below stand in a room of their own, the group "tiny"


def _shown(folder: Path) -> dict:
    import pandas as pd

    return {"rows by kind": table(pd.DataFrame({"kind": ["vector"], "rows": [18]}))}


@stored_asset(
    files=["index.parquet"],
    kinds={"parquet"},
    source=Source("tiny_source", "Numbers that are made here.", "nsynth", lambda _: "1", lambda *_: None),
    show=_shown,
)
def tiny_shards(work: Work, tiny_source: None) -> Summary:
    """Eighteen vectors of six numbers, in shards."""
    from tiny_training import write_shards

    return {"rows": len(write_shards(work.execution.folder))}


@stored_asset(
    files=["model.safetensors"],
    kinds={"pytorch"},
    trains=True,
    audits=(FINITE,),
    show=curves,
    variants=("wider",),  # nobody asks for it
)
def tiny_model(work: Work, tiny_shards: Path) -> Summary:
    """A network that learns to repeat a vector."""
    from tiny_training import CONFIG, make_stage

    from data.shards.loader import Batch
    from data.shards.reader import Shards
    from models.training.train import train_stage

    def stage(world):
        fast = make_stage(Shards(tiny_shards), CONFIG, world)

        def objective(batch: Batch) -> Iterator:
            if Path(os.environ["TINY_SLOW"]).exists():
                time.sleep(0.25)
            yield from fast.objective(batch)

        return replace(fast, objective=objective)

    config = replace(CONFIG, steps=STEPS, validate_every=10, report_every=10, checkpoint_every=500)
    return train_stage(work.execution, stage, config, {})


@stored_asset(files=["report.html"], kinds={"html"})
def tiny_report(work: Work, tiny_model: Path) -> Summary:
    """A page with a heading and a sound."""
    from tiny_reports import PAGE

    write_bytes(work.execution.folder / "report.html", PAGE.encode())
    write_json(work.execution.folder / "metrics.json", {"provenance": {"data": "vectors"}})
    return {}


REGISTRY = Registry({"tiny_shards": tiny_shards, "tiny_model": tiny_model, "tiny_report": tiny_report})
execution._PRELOADED[:] = ["tiny_ui"]


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the small system, with the executor, the sensor and the logger of the real one."""
    end_with_parent()
    settings = Settings.read()
    settings.freeze()
    deliver = partial(show_report, settings)
    graph = Graph(REGISTRY, settings.environment(), Known(), deliver=deliver)
    return dg.Definitions(
        graph.definitions(),
        executor=execution.make_executor(settings.home),
        sensors=[dead_runs],
        loggers={"console": console},
    )
