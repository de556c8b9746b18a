"""Studies judged: excerpts of songs under many settings, each against what it should have been.

Every row of the shards says which song it is of, where it begins, whether it stands for the vocals or the
mixture, and the setting; the scores keep all of that beside the metrics.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from data.files.audio import to_float
from data.files.durable import replacing_path
from data.progress import Listener, Progress, ignore
from data.shards.reader import Shards
from data.shards.writer import LOCATION
from eval.metrics.sdr import si_sdr, usdr
from eval.metrics.spectral import multi_resolution

METRICS = ("uSDR", "SI-SDR", "MR-STFT")


def score_study(songs: Path, outputs: Path, listener: Listener = ignore) -> pd.DataFrame:
    """Return a row for each excerpt in the shards `outputs`: its setting, and every metric against the songs."""
    true, made = Shards(songs), Shards(outputs)
    rows = {(track, source): row for row, (track, source) in enumerate(
        zip(true.column("track").tolist(), true.column("source").tolist(), strict=True))}  # fmt: skip
    kept = [name for name in made.table.column_names if name not in LOCATION.names]
    progress = Progress("judge excerpts", total=len(made), unit="excerpts", listener=listener)
    found = []
    for row, setting in enumerate(made.table.select(kept).to_pylist()):
        estimate = to_float(made.read(row))
        reference = _reference(true, rows, setting["track"], setting["what"], (setting["start"], len(estimate)))
        found.append(
            {
                **setting,
                "uSDR": usdr(reference, estimate),
                "SI-SDR": si_sdr(reference, estimate),
                "MR-STFT": float(multi_resolution(reference.mean(1), estimate.mean(1))),
            }
        )
        progress.advance()
    progress.finish()
    return pd.DataFrame(found)


def _reference(
    true: Shards, rows: dict[tuple[str, str], int], track: str, what: str, place: tuple[int, int]
) -> np.ndarray:
    """Return the stretch (start, length) of the vocals or the mixture of a song, (T, K) float32."""
    vocals = to_float(true.segment(rows[track, "vocals"], *place))
    return vocals if what == "vocals" else vocals + to_float(true.segment(rows[track, "accompaniment"], *place))


def write_study(folder: Path, songs: Path, outputs: Path, listener: Listener = ignore) -> dict[str, int]:
    """Judge the shards `outputs` into `folder`/study.parquet; return how many excerpts that is."""
    scores = score_study(songs, outputs, listener)
    with replacing_path(folder / "study.parquet") as partial:
        scores.to_parquet(partial)
    return {"excerpts": len(scores)}
