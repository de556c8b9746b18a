"""What can be launched by intent: one system, a table of a paper, the nightly retraining; and its schedule."""

import dagster as dg

MAIN = "spectral"
NIGHTLY_HOUR = "0 2 * * *"

_EVERYTHING = dg.AssetSelection.all()

synthesis = dg.define_asset_job(
    "synthesis",
    selection=_EVERYTHING,
    description="The whole trip for one variant: data, three stages, competitor, judges, champion, report.",
)
paper_table_1 = dg.define_asset_job(
    "paper_table_1",
    selection=_EVERYTHING,
    description="Launch it over all partitions as a backfill: each is a row of SING's Table 1.",
)
nightly = dg.define_asset_job(
    "nightly",
    selection=_EVERYTHING,
    description="Retrains what new data or code made stale, judges it and promotes it if every check passes.",
    tags={"dagster/max_retries": "1", "tessitura/nightly": "yes"},
)
JOBS = [synthesis, paper_table_1, nightly]


@dg.schedule(
    job=nightly, cron_schedule=NIGHTLY_HOUR, execution_timezone="UTC", default_status=dg.DefaultScheduleStatus.STOPPED
)
def every_night(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for a nightly run at two, unless the last one is still going.

    Unchanged assets are found in the store by what they are made of, so a run only does what is stale.
    """
    going = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
    running = context.instance.get_runs(dg.RunsFilter(job_name=nightly.name, statuses=going), limit=1)
    if running:
        return dg.SkipReason(f"the nightly run {running[0].run_id} is still going")
    return dg.RunRequest(partition_key=MAIN)
