"""Reports the progress of long work to Dagster, as log lines and as observations that the web UI plots."""

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
    """Return a listener that logs every progress report and records its numbers as observations of an asset.

    A warning is logged as one.

    The log record carries the report itself as its attribute `report`, so that a logger can draw it.
    An observation is a row in Dagster's event log, so there is at most one every 15 s, and one at the end. The web UI
    plots each number over time while the asset is still being made.

    Args:
        context: Dagster context of the running asset or op; its log receives the reports.
        key: key of the asset that is observed; None records no observations.
        partition: partition of the asset; None if it has none.
        clock: function that returns the time in seconds.

    Example:
        >>> listener = progress_listener(context, dg.AssetKey(["demo", "synthesis_model"]))
        >>> execution = Execution(folder, listener)
    """
    observed = -OBSERVE_SECONDS

    def listen(report: Report) -> None:
        nonlocal observed
        if report.warning:
            context.log.warning(str(report))
            return
        context.log.info(str(report), extra={"report": report})
        finished = report.total is not None and report.done >= report.total
        if key is not None and (finished or clock() - observed >= OBSERVE_SECONDS):
            observed = clock()
            context.log_event(dg.AssetObservation(key, partition=partition, metadata=_metadata(report)))

    return listen


def _metadata(report: Report) -> dict[str, dg.MetadataValue]:
    """Return a report as metadata: numbers, which the web UI plots, and the remaining time as text."""
    values = {name: dg.MetadataValue.float(float(value)) for name, value in report.values.items()}
    left = "unknown" if report.eta is None else duration(report.eta)
    return {
        "done": dg.MetadataValue.int(report.done),
        f"{report.unit} per second": dg.MetadataValue.float(report.rate),
        "time left": dg.MetadataValue.text(left),
        **values,
    }
