"""What can be launched by intent: a system, a table of a paper, the nightly retraining; and its schedules.

A run has one kind of partition. So the tracks of MUSDB18 are ingested by a job of their own, a run a group
of tracks, side by side, before the separation system is trained.
"""

from typing import NamedTuple

import dagster as dg

from data.errors import InputError
from data.musdb.dataset import GROUPS
from models.separation.config import CONDITIONS
from models.synthesis.config import VARIANTS

_SYNTHESIS = dg.AssetSelection.groups("synthesis").upstream()
_TRACKS = dg.AssetSelection.assets("musdb_source", "musdb_tracks")
_SEPARATION = dg.AssetSelection.groups("separation").upstream() - _TRACKS
_NIGHTLY = {"dagster/max_retries": "1", "tessitura/nightly": "yes"}

synthesis = dg.define_asset_job(
    "synthesis",
    selection=_SYNTHESIS,
    description="The whole trip of the synthesis system for one variant: data, three stages, judges, champion, report.",
)
paper_table_1 = dg.define_asset_job(
    "paper_table_1",
    selection=_SYNTHESIS,
    description="Launch it over all partitions as a backfill: each is a row of SING's Table 1.",
)
musdb_ingest = dg.define_asset_job(
    "musdb_ingest",
    selection=_TRACKS,
    description="MUSDB18's tracks into shards. Launch it over all partitions as a backfill: each is a quarter of them.",
)
separation = dg.define_asset_job(
    "separation",
    selection=_SEPARATION,
    description="The whole trip of the separation system for one conditioning: codec, denoiser, judges, studies.",
)
JOBS = [synthesis, paper_table_1, musdb_ingest, separation]


class Launch(NamedTuple):
    """A run: a job and the partition it is for."""

    job: str
    partition: str


# What each system takes: runs that come before, its job, and the job's partitions.
SYSTEMS = {
    "synthesis": ((), synthesis, VARIANTS),
    "separation": (tuple(Launch(musdb_ingest.name, group) for group in GROUPS), separation, CONDITIONS),
}


def launches(system: str, variant: str | None = None) -> list[Launch]:
    """Return the runs that make the whole of a system for one variant, in order.

    Args:
        system: one of `SYSTEMS`.
        variant: the first one by default.

    Raises:
        InputError: no such system or variant.
    """
    if system not in SYSTEMS:
        raise InputError(f"{system!r} is no system; there are {', '.join(SYSTEMS)}")
    before, job, variants = SYSTEMS[system]
    if (chosen := variant or variants[0]) not in variants:
        raise InputError(f"{chosen!r} is no variant of {system}; there are {', '.join(variants)}")
    return [*before, Launch(job.name, chosen)]


def _nightly(job: str, hour: int, partitions: tuple[str, ...]) -> dg.ScheduleDefinition:
    """Return a schedule that asks for runs of `job` each night, unless one is still going.

    Unchanged assets are found in the store by what they are made of, so a run only does what is stale.
    """

    @dg.schedule(
        name=f"nightly_{job}",
        job_name=job,
        cron_schedule=f"0 {hour} * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
    )
    def ask(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        going = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
        running = context.instance.get_runs(dg.RunsFilter(job_name=job, statuses=going), limit=1)
        if running:
            return dg.SkipReason(f"the run {running[0].run_id} of {job} is still going")
        return [dg.RunRequest(partition_key=one, tags=_NIGHTLY) for one in partitions]

    return ask


SCHEDULES = [
    _nightly(musdb_ingest.name, 1, GROUPS),
    _nightly(synthesis.name, 2, VARIANTS[:1]),
    _nightly(separation.name, 4, CONDITIONS[:1]),
]
