"""Records failed runs in failures.jsonl, where a person or a program can find them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from pipelines.settings import Settings


def record_failure(home: Path, job: str, run_id: str, reason: str) -> Path:
    """Append a failed run to failures.jsonl, as one JSON object per line, and return the path of the file.

    Args:
        home: folder of the file; it is created if necessary.
        job: name of the job.
        run_id: Dagster's id of the run.
        reason: error message.

    Example:
        >>> record_failure(Path(".tessitura"), "synthesis", run_id, "disk full")
    """
    path = home / "failures.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "job": job, "run": run_id, "reason": reason}
    with open(path, "a") as file:
        file.write(json.dumps(line) + "\n")
    return path


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING)
def failures(context: dg.RunFailureSensorContext) -> None:
    """Record every failed run, with its reason, in $TESSITURA_HOME/failures.jsonl."""
    event = context.failure_event
    steps = context.get_step_failure_events()
    reason = steps[0].message if steps and steps[0].message else event.message or "unknown"
    path = record_failure(Settings.read().home, context.dagster_run.job_name, context.dagster_run.run_id, reason)
    context.log.error(f"{context.dagster_run.job_name} failed; see {path}")
