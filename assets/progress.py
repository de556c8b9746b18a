"""Progress of long work, told to Dagster: a log line and, for the plots, an observation."""

import time

import dagster as dg

from data.progress import Listener, Report, duration

OBSERVE_SECONDS = 15.0


def progress_listener(context: dg.AssetExecutionContext) -> Listener:
    """Return a listener that logs every report and records figures over time.

    An observation is a row in Dagster's event log, so one is made at most every 15 s and at
    the end. The UI plots each figure over time while the asset is still being made.
    """
    partitioned = context.has_partition_key and context.assets_def.partitions_def is not None
    partition = context.partition_key if partitioned else None
    observed = -OBSERVE_SECONDS

    def listen(report: Report) -> None:
        nonlocal observed
        context.log.info(str(report))
        finished = report.total is not None and report.done >= report.total
        if finished or time.monotonic() - observed >= OBSERVE_SECONDS:
            observed = time.monotonic()
            context.log_event(dg.AssetObservation(context.asset_key, partition=partition, metadata=_metadata(report)))

    return listen


def _metadata(report: Report) -> dict[str, dg.MetadataValue]:
    """Return a report as metadata: numbers are plotted over time, the remaining time is read."""
    values = {name: dg.MetadataValue.float(float(value)) for name, value in report.values.items()}
    left = "unknown" if report.eta is None else duration(report.eta)
    return {
        "done": dg.MetadataValue.int(report.done),
        f"{report.unit} per second": dg.MetadataValue.float(report.rate),
        "time left": dg.MetadataValue.text(left),
        **values,
    }
