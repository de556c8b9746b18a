"""Progress of long work, told to Dagster: a log line and, for the plots, an observation."""

import time
from collections.abc import Callable

import dagster as dg

from data.progress import Listener, Report, duration

OBSERVE_SECONDS = 15.0


def progress_listener(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    key: dg.AssetKey | None = None,
    partition: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Listener:
    """Return a listener that logs every report and, where a key is given, records its figures over time.

    An observation is a row in Dagster's event log, so one is made at most every 15 s and at the end. The web UI
    plots each figure over time while the asset is still being made.

    Args:
        context: of the asset or op.
        key: of the asset to be observed.
        partition: of the asset.
        clock: returns seconds.
    """
    observed = -OBSERVE_SECONDS

    def listen(report: Report) -> None:
        nonlocal observed
        context.log.info(str(report))
        finished = report.total is not None and report.done >= report.total
        if key is not None and (finished or clock() - observed >= OBSERVE_SECONDS):
            observed = clock()
            context.log_event(dg.AssetObservation(key, partition=partition, metadata=_metadata(report)))

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
