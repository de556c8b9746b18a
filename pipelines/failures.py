"""Says why a run failed or stopped, in one line, and records failed runs in failures.jsonl and by a notice.

The line of a failed step comes from `data.errors.explain`, through `assets.graph.reported_errors`. It is the same in
the terminal, in the web UI and in failures.jsonl.
"""

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from data.files.durable import append_line
from pipelines.notices import Notice, send
from pipelines.settings import Settings


def why_failed(events: Iterable[dg.DagsterEvent]) -> str:
    """Return one line with the step that failed first, and why; the reason of the run if no step failed.

    Example:
        >>> why_failed(result.all_events)
        'nsynth_source failed: /data/nsynth: no such file or folder; correct TESSITURA_NSYNTH'
    """
    run = "the run failed"
    for event in events:
        if event.is_step_failure:
            return f"{name_of(event.step_key)} failed: {_reason(event)}"
        if event.event_type_value == "PIPELINE_FAILURE":
            error = getattr(event.event_specific_data, "error", None)
            run = f"the run failed: {_said(error) if error is not None else event.message}"
    return run


def why_stopped(events: Iterable[dg.DagsterEvent]) -> str:
    """Return one line with the step at which a run was stopped.

    Example:
        >>> why_stopped(result.all_events)
        'synthesis_autoencoder: autoencoder stopped at step 99'
    """
    for event in events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            words = _words(event.step_failure_data.error.message)
            return f"{name_of(event.step_key)}: {words if 'stopped' in words else 'stopped by a signal'}"
    return "stopped between two steps"


def why_retried(event: dg.DagsterEvent) -> str:
    """Return one line with the reason for which a step is tried again."""
    return _said(event.step_retry_data.error)


def name_of(step: str | None) -> str:
    """Return the name of the asset that a step makes: Dagster puts its space in front ("demo__synthesis_model")."""
    return (step or "run").rpartition("__")[2]


def _reason(event: dg.DagsterEvent) -> str:
    """Return why a step failed: what the step said itself, otherwise the innermost cause."""
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return " ".join(failure.user_failure_data.description.split())
    return _said(failure.error)


def _said(error: Any) -> str:
    """Return what a step said of an error itself, otherwise the message of the innermost cause."""
    while error is not None and error.cls_name != "Failure" and error.cause is not None:
        error = error.cause
    return "unknown" if error is None else _words(error.message)


def _words(message: str) -> str:
    """Return a message as one line, without the name of the exception in front, which is for developers."""
    return re.sub(r"^[\w.]+(: |$)", "", " ".join(message.split()))


def record_failure(home: Path, job: str, run_id: str, reason: str) -> Path:
    """Append a failed run to failures.jsonl, as one JSON object per line, and return the path of the file.

    A run that is in the file already is not added again.

    Args:
        home: folder of the file; it is created if necessary.
        job: name of the job.
        run_id: Dagster's id of the run.
        reason: why it failed, one line.

    Example:
        >>> record_failure(Path(".tessitura"), "synthesis", run_id, "disk full")
    """
    path = home / "failures.jsonl"
    _note(path, job, run_id, reason)
    return path


def _note(path: Path, job: str, run_id: str, reason: str) -> bool:
    """Append a failed run to a file, and return whether it was not there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "job": job, "run": run_id, "reason": reason}
    known = path.read_text(encoding="utf-8") if path.is_file() else ""
    if f'"run": {json.dumps(run_id)}' in known:
        return False
    append_line(path, json.dumps(line).encode())
    return True


def tell_failure(settings: Settings, job: str, run_id: str, reason: str) -> str:
    """Record a failed run (`record_failure`), and send a notice of it unless it had been recorded before.

    Returns:
        "" or, where the notice could not be sent, one line with the reason.

    Example:
        >>> tell_failure(Settings.read(), "synthesis", run_id, "disk full")
        ''
    """
    if not _note(settings.home / "failures.jsonl", job, run_id, reason):
        return ""
    facts = {"job": job, "run": run_id, "reason": reason, "preset": settings.preset}
    text = f"{reason}\n\njob {job}, preset {settings.preset}, run {run_id}\nThe same command goes on from there."
    return send(settings.notify, Notice("failure", f"Tessitura: {job} failed", text, facts))


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Records every failed run, with its reason, in failures.jsonl in the home, and sends a notice "
    "(TESSITURA_NOTIFY).",
)
def failures(context: dg.RunFailureSensorContext) -> None:
    """Record every failed run, with its reason, in $TESSITURA_HOME/failures.jsonl, and send a notice of it."""
    run = context.dagster_run
    reason = why_failed([*context.get_step_failure_events(), context.failure_event])
    unsent = tell_failure(Settings.read(), run.job_name, run.run_id, reason)
    context.log.error(f"{run.job_name}: {reason}; see failures.jsonl in the home")
    if unsent:
        context.log.warning(unsent)
