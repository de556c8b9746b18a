"""Studies judged: excerpts of songs under many settings, each against what it should have been.

Every row of the shards says which song it is of, where it begins, whether it stands for the vocals or the
mixture, and the setting; the scores keep all of that beside the metrics.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.execution import Execution
from data.files.audio import to_float
from data.files.tables import write_frame
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.writer import LOCATION
from eval.metrics.sdr import si_sdr, usdr
from eval.metrics.spectral import multi_resolution
from eval.parts import clear_parts, evaluate_in_parts

METRICS = ("uSDR", "SI-SDR", "MR-STFT")
_BATCH = 16  # excerpts of a part


def write_study(execution: Execution, songs: Path) -> dict[str, int]:
    """Score the excerpts in the shards of the folder, and write study.parquet beside them.

    study.parquet has a row an excerpt: its setting, and every metric of `METRICS` against the songs. Stopped and
    called again, it goes on: what was scored is kept in parts of 16 excerpts.

    Args:
        execution: the folder that holds the excerpts.
        songs: shards of the songs they are taken from.

    Returns:
        How many "excerpts" were scored.
    """
    made = Shards(execution.folder)
    if not (execution.folder / "study.parquet").is_file():
        true, starts = _Songs(songs), range(0, len(made), _BATCH)
        kept = [name for name in made.table.column_names if name not in LOCATION.names]
        settings = made.table.select(kept).to_pylist()
        progress = Progress("score", total=len(starts), unit=f"batches of {_BATCH}", listener=execution.listener)

        def score(number: int) -> dict[str, pd.DataFrame]:
            rows = range(len(made))[starts[number] : starts[number] + _BATCH]
            return {"study": pd.DataFrame([true.score(settings[row], to_float(made.read(row))) for row in rows])}

        found = evaluate_in_parts(execution, ("study",), len(starts), score, progress)
        write_frame(execution.folder / "study.parquet", found["study"])
    clear_parts(execution)
    return {"excerpts": len(made)}


class _Songs:
    """The true songs. Safe to share between threads."""

    def __init__(self, songs: Path) -> None:
        self._shards = Shards(songs)
        columns = (self._shards.column(name).tolist() for name in ("track", "source"))
        self._rows = {key: row for row, key in enumerate(zip(*columns, strict=True))}

    def score(self, setting: Mapping[str, Any], estimate: np.ndarray) -> dict[str, Any]:
        """Return the setting with every metric of an excerpt (T, K)."""
        reference = self._read(setting["track"], setting["what"], (setting["start"], len(estimate)))
        return {
            **setting,
            "uSDR": usdr(reference, estimate),
            "SI-SDR": si_sdr(reference, estimate),
            "MR-STFT": float(multi_resolution(reference.mean(1), estimate.mean(1))),
        }

    def _read(self, track: str, what: str, place: tuple[int, int]) -> np.ndarray:
        """Return the stretch (start, length) of the vocals or the mixture of a song, (T, K) float32."""
        vocals = to_float(self._shards.segment(self._rows[track, "vocals"], *place))
        rest = "accompaniment"
        return vocals if what == "vocals" else vocals + to_float(self._shards.segment(self._rows[track, rest], *place))
