"""The history of a training: one row of figures a window, as JSON lines while it runs."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from data.files.durable import write_bytes
from data.files.tables import write_frame


class History:
    """Rows appended to `history.jsonl`; each holds the step after which it was written.

    The file is a log, not a commit: after a kill it may be ahead of the last checkpoint or
    end in half a line, and `rewind` cuts it back to the checkpoint's step.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "history.jsonl"

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows, as far as they are whole."""
        found = []
        for line in self._path.read_text().splitlines() if self._path.is_file() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found

    def rewind(self, step: int) -> None:
        """Forget the rows after `step`."""
        kept = [row for row in self.rows() if row["step"] <= step]
        write_bytes(self._path, "".join(json.dumps(row) + "\n" for row in kept).encode())

    def append(self, row: dict[str, Any]) -> None:
        """Add a row."""
        with open(self._path, "a") as file:
            file.write(json.dumps(row) + "\n")

    def finish(self) -> Path:
        """Write the rows as `history.parquet` too, and return its path."""
        path = self._path.with_suffix(".parquet")
        write_frame(path, pd.DataFrame(self.rows()))
        return path
