"""Score the excerpts of a study, in which excerpts of the same songs are produced under several settings.

The excerpts lie in shards (`models.separation.studies`). The labels of each recording are: `track`, the name of the
song; `start`, the first sample of the excerpt; `what`, whether the reference is the "vocals" or the "mixture"; and
the setting, for example `steps`. The table of scores keeps these labels and adds the metrics.

Shapes: T samples, K channels.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.execution import Execution
from data.files.audio import to_float
from data.files.tables import write_frame
from data.processes import Reopened
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.writer import LOCATION
from eval.metrics.energies import si_sdr, usdr
from eval.metrics.hearing import specific_loudness_error
from eval.parts import clear_parts, evaluate_in_parts

METRICS = ("uSDR", "SI-SDR", "specific loudness error")
_BATCH = 16  # excerpts that are scored and stored together


def write_study(execution: Execution, songs: Path) -> dict[str, int]:
    """Score the excerpts of a study against the songs and write study.parquet beside the shards of the excerpts.

    study.parquet has one row per excerpt: its labels, and a column for each of `METRICS`. Scores are stored for every
    16 excerpts; a second call after an interruption resumes with those that are left.

    Args:
        execution: its folder holds the shards of the excerpts and receives study.parquet; its listener receives
            progress reports.
        songs: shards of the true vocals and accompaniment from which the excerpts were taken (`data.musdb.vocals`).

    Returns:
        Number of "excerpts".

    Raises:
        InputError: shards are incomplete or damaged.

    Example:
        >>> write_noise(Execution(folder), songs, codec)  # models.separation.studies: writes the excerpts
        >>> write_study(Execution(folder), songs)
    """
    made = Shards(execution.folder)
    if not (execution.folder / "study.parquet").is_file():
        batches = [range(len(made))[start : start + _BATCH] for start in range(0, len(made), _BATCH)]
        progress = Progress("score", total=len(batches), unit=f"batches of {_BATCH}", listener=execution.listener)
        evaluation = _Evaluation(execution.folder, songs)
        found = evaluate_in_parts(execution, ("study",), batches, evaluation.score, progress)
        write_frame(execution.folder / "study.parquet", found["study"])
    clear_parts(execution)
    return {"excerpts": len(made)}


class _Evaluation(Reopened):
    """The excerpts, and the true sources of the songs."""

    def __init__(self, excerpts: Path, songs: Path) -> None:
        self._made, self._shards = Shards(excerpts), Shards(songs)
        kept = [name for name in self._made.table.column_names if name not in LOCATION.names]
        self._settings = self._made.table.select(kept)
        columns = (self._shards.column(name).tolist() for name in ("track", "source"))
        self._rows = {key: row for row, key in enumerate(zip(*columns, strict=True))}
        self._rate = int(self._shards.column("sample_rate")[0])

    def score(self, rows: range) -> dict[str, pd.DataFrame]:
        """Return the scores of the excerpts in some rows of their shards: the table "study"."""
        settings = self._settings.slice(rows.start, len(rows)).to_pylist()
        pairs = zip(rows, settings, strict=True)
        return {"study": pd.DataFrame([self._score(one, to_float(self._made.read(row))) for row, one in pairs])}

    def _score(self, setting: Mapping[str, Any], estimate: np.ndarray) -> dict[str, Any]:
        """Return the labels of an excerpt together with its metrics.

        Args:
            setting: labels of the excerpt (module docstring).
            estimate: samples of the excerpt, float, shape (T, K).
        """
        reference = self._read(setting["track"], setting["what"], (setting["start"], len(estimate)))
        return {
            **setting,
            "uSDR": usdr(reference, estimate),
            "SI-SDR": si_sdr(reference, estimate),
            "specific loudness error": specific_loudness_error(reference.mean(1), estimate.mean(1), self._rate),
        }

    def _read(self, track: str, what: str, place: tuple[int, int]) -> np.ndarray:
        """Return the excerpt `place` = (start, length), in samples, of vocals or mixture, float32, shape (T, K)."""
        vocals = to_float(self._shards.segment(self._rows[track, "vocals"], *place))
        rest = "accompaniment"
        return vocals if what == "vocals" else vocals + to_float(self._shards.segment(self._rows[track, rest], *place))
