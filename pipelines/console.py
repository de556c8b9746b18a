"""Logs Dagster's messages to the terminal, one short line each."""

import logging
import sys

import dagster as dg

_LEVELS = {"INFO": "", "WARNING": "warning: ", "ERROR": "error: ", "CRITICAL": "error: "}


class _Brief(logging.Formatter):
    """Formats a message as time, step and text: `14:03:22  synthesis_model  step 200 of 700 …`."""

    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", None) or {}
        step = meta.get("step_key") or meta.get("job_name") or "run"
        text = meta.get("orig_message") or record.getMessage()
        time = self.formatTime(record, "%H:%M:%S")
        return f"{time}  {step:<26} {_LEVELS.get(record.levelname, '')}{text}"


@dg.logger(config_schema={}, description="One short line a message.")
def console(context: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that writes messages of level INFO and above to standard error."""
    del context
    logger = logging.Logger("tessitura", logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Brief())
    logger.addHandler(handler)
    return logger
