"""Records the figures of a running training as JSON lines, one row per reporting window."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import InputError
from data.files.checked_json import parse_checked, with_checksum
from data.files.durable import append_line, write_bytes
from data.files.tables import write_frame


class History:
    """The file `history.jsonl` of a training folder. Each row holds the "step" after which it was written.

    Each row holds its checksum too; a damaged row counts as missing. After a kill the file may contain rows later than
    the last checkpoint, or end in an incomplete line. `rewind` removes all of these.

    Example:
        >>> history = History(Path("run"))
        >>> history.append({"step": 50, "loss": 0.08})
        >>> history.rows()
        [{'step': 50, 'loss': 0.08}]
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "history.jsonl"

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows that are whole; [] if there is no file."""
        found = []
        for line in self._path.read_bytes().splitlines() if self._path.is_file() else []:
            with suppress(InputError):
                found.append(parse_checked(line, self._path))
        return [row for row in found if isinstance(row.get("step"), int)]

    def rewind(self, step: int) -> None:
        """Rewrite the file without the rows of later steps than `step`."""
        write_bytes(self._path, b"".join(_line(row) + b"\n" for row in self.rows() if row["step"] <= step))

    def append(self, row: dict[str, Any]) -> None:
        """Add a row, which has the key "step"."""
        append_line(self._path, _line(row))

    def finish(self) -> Path:
        """Write the rows to `history.parquet` as well, one column per key, and return its path."""
        path = self._path.with_suffix(".parquet")
        write_frame(path, pd.DataFrame(self.rows()))
        return path


def _line(row: dict[str, Any]) -> bytes:
    """Return a row as a line of the file, without its end."""
    return json.dumps(with_checksum(row)).encode()
