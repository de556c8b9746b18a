"""Records the figures of a running training as JSON lines, one row per reporting window."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from data.files.durable import write_bytes
from data.files.tables import write_frame


class History:
    """The file `history.jsonl` of a training folder. Each row holds the "step" after which it was written.

    After a kill the file may contain rows later than the last checkpoint, or end in an incomplete line. `rewind`
    removes both.

    Example:
        >>> history = History(Path("run"))
        >>> history.append({"step": 50, "loss": 0.08})
        >>> history.rows()
        [{'step': 50, 'loss': 0.08}]
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "history.jsonl"

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows up to the first incomplete line; [] if there is no file."""
        found = []
        for line in self._path.read_text().splitlines() if self._path.is_file() else []:
            try:
                found.append(json.loads(line))
            except ValueError:
                break
        return found

    def rewind(self, step: int) -> None:
        """Rewrite the file without the rows of later steps than `step`."""
        kept = [row for row in self.rows() if row["step"] <= step]
        write_bytes(self._path, "".join(json.dumps(row) + "\n" for row in kept).encode())

    def append(self, row: dict[str, Any]) -> None:
        """Add a row, which has the key "step"."""
        with open(self._path, "a") as file:
            file.write(json.dumps(row) + "\n")

    def finish(self) -> Path:
        """Write the rows to `history.parquet` as well, one column per key, and return its path."""
        path = self._path.with_suffix(".parquet")
        write_frame(path, pd.DataFrame(self.rows()))
        return path
