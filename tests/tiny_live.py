"""Definitions for the real programs of Dagster: a model with variants that take no time, and the digest, each minute.

Each time that a variant is made, a line with its name is added to the file `made` in the home. While there is a file
`slow` in the home, whoever makes a variant waits for its end; while there is a file `broken`, the variant of that name
fails.
"""

import time
from pathlib import Path

import dagster as dg
from tiny_assets import Known

from assets.declaration import Registry, Summary, Work, stored_asset
from assets.graph import Graph
from data.errors import InputError
from data.files.durable import append_line, write_bytes
from data.processes import end_with_parent
from pipelines import digest, execution
from pipelines.failures import failures
from pipelines.recovery import dead_runs
from pipelines.settings import Settings

VARIANTS = ("plain", "broken", "wider", "first", "second")
__name__ = "assets.tiny.stages"  # the function below stands in a room of its own, the group "tiny"


@stored_asset(
    config=lambda run: {"variant": run.variant}, files=["out"], kinds={"python"}, trains=True, variants=VARIANTS
)
def tiny_model(work: Work) -> Summary:
    """A model that is made at once."""
    home, variant = Path(work.environment.home), work.config["variant"]
    append_line(home / "made", variant.encode())
    while (home / "slow").exists():
        time.sleep(0.1)
    if variant == "broken" and (home / "broken").exists():
        raise InputError(f"{home / 'broken'}: is there; take it away")
    write_bytes(work.execution.folder / "out", variant.encode())
    return {}


REGISTRY = Registry({"tiny_model": tiny_model})
execution._PRELOADED[:] = ["tiny_live"]
digest.CRON = "* * * * *"


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions, with the executor, the sensors and the schedule of the real ones."""
    end_with_parent()
    settings = Settings.read()
    settings.freeze()
    graph = Graph(REGISTRY, settings.environment(), Known())
    job = digest.digest_job(settings, graph, ())
    return dg.Definitions(
        graph.definitions(),
        jobs=[job],
        schedules=[digest.digest_schedule(job)],
        executor=execution.make_executor(settings.home),
        sensors=[dead_runs, failures],
    )
