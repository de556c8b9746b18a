"""Separation judged: the estimates of every system, in shards, against the songs, and medians over tracks.

The accompaniment of an estimate is the mixture minus its vocals, so the source set is always vocals and
accompaniment.

Shapes: T samples, K channels.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import InputError
from data.files.audio import to_float
from data.files.durable import replacing_path
from data.files.names import make_id
from data.files.tables import read_table
from data.progress import Listener, Progress, ignore
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from eval.metrics.embedding import Embedding
from eval.metrics.sdr import TrackScores, score_track

VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"


def score_estimates(
    songs: Path, estimates: Path, listener: Listener = ignore, embedding: Embedding | None = None
) -> TrackScores:
    """Judge the vocals in the shards `estimates` against the songs in the shards `songs`.

    Args:
        songs: shards of songs with the labels track, source, split and errata.
        estimates: shards of vocals with the labels system and track; in the quarantine table the part is the system.
        listener: is told songs, rate and time left.
        embedding: the encoder of the embedding MSE, if there is one.

    Returns:
        Summary and seconds with the columns system, track, split and errata in front, and `reason` behind
        the summary; a system that made nothing of a song has a row with its reason and no metric or value.

    Raises:
        InputError: an estimate of no song, of another rate or of another length; the message names it.
    """
    true, made = _Songs(songs), Shards(estimates)
    progress = Progress("judge songs", total=len(made), unit="songs", listener=listener)

    def judged(row: int) -> TrackScores:
        track, system = str(made.column("track")[row]), str(made.column("system")[row])
        references = true.read(track)
        rate, estimate = true.sample_rate(track), to_float(made.read(row))
        form, expected = (*estimate.shape, int(made.column("sample_rate")[row])), (*references[VOCALS].shape, rate)
        if form != expected:
            raise InputError(
                f"{estimates}: {system} of {track} has (samples, channels, Hz) {form}, the song {expected}; "
                "separate the songs again"
            )
        found = score_track(references, with_accompaniment(references, estimate), rate, embedding=embedding)
        return found.labelled(system=system, track=track, **true.labels(track))

    found = []
    with ThreadPoolExecutor(2) as pool:  # two songs in memory: what is kept of one is its rows
        for one in pool.map(judged, range(len(made))):
            found.append(one)
            progress.advance()
    progress.finish()
    together = TrackScores.together(found)
    missing = pd.DataFrame(true.missing(estimates))
    summary = pd.concat([together.summary.assign(reason=None), missing], ignore_index=True)
    return TrackScores(summary, together.seconds)


def with_accompaniment(references: dict[str, np.ndarray], vocals: np.ndarray) -> dict[str, np.ndarray]:
    """Return estimates of both sources made of one of the vocals: the accompaniment is the mixture minus it.

    The difference of the vocals comes first, so that a perfect estimate leaves the accompaniment exact.
    """
    return {VOCALS: vocals, ACCOMPANIMENT: references[ACCOMPANIMENT] + (references[VOCALS] - vocals)}


class _Songs:
    """The true vocals and accompaniment of songs, found by track. Safe to share between threads."""

    def __init__(self, folder: Path) -> None:
        self._shards = Shards(folder)
        columns = (self._shards.column(name) for name in ("track", "source"))
        self._rows = {(str(track), str(source)): row for row, (track, source) in enumerate(zip(*columns, strict=True))}

    def _row(self, track: str, source: str) -> int:
        if (track, source) not in self._rows:
            raise InputError(f"{self._shards.folder}: no {source} of {track}, which was separated; separate again")
        return self._rows[track, source]

    def read(self, track: str) -> dict[str, np.ndarray]:
        """Return vocals and accompaniment, (T, K) float32."""
        return {source: to_float(self._shards.read(self._row(track, source))) for source in (VOCALS, ACCOMPANIMENT)}

    def sample_rate(self, track: str) -> int:
        return int(self._shards.column("sample_rate")[self._row(track, VOCALS)])

    def labels(self, track: str) -> dict[str, str]:
        """Return what every row of the track says of it."""
        return {name: str(self._shards.column(name)[self._row(track, VOCALS)]) for name in ("split", "errata")}

    def missing(self, estimates: Path) -> list[dict[str, object]]:
        """Return a row for every estimate in quarantine."""
        tracks = {make_id(track): track for track, _ in self._rows}
        found = []
        for one in read_table(estimates / QUARANTINE).to_pylist():
            system, name = str(one["part"]), str(one["id"])
            track = tracks.get(name.removeprefix(f"{system}-"), name)
            labels = {"system": system, "track": track, **self.labels(track)}
            found.append({**labels, "value": float("nan"), "frames": 0, "undefined": 0, "reason": one["reason"]})
        return found


def write_scores(
    folder: Path, songs: Path, estimates: Path, listener: Listener = ignore, embedding: Embedding | None = None
) -> dict[str, int]:
    """Judge estimates into `folder`/seconds.parquet and scores.parquet; return how many were and were not judged."""
    scores = score_estimates(songs, estimates, listener, embedding)
    write_tables(folder, scores)
    pairs = scores.summary.drop_duplicates(["system", "track"])
    return {"judged": int(pairs["reason"].isna().sum()), "not judged": int(pairs["reason"].notna().sum())}


def write_tables(folder: Path, scores: TrackScores) -> None:
    """Write the rows as `folder`/seconds.parquet and, last, scores.parquet."""
    for name, frame in (("seconds", scores.seconds), ("scores", scores.summary)):
        with replacing_path(folder / f"{name}.parquet") as partial:
            frame.to_parquet(partial)


def medians(summary: pd.DataFrame, by: Sequence[str] = ("sources", "source", "metric")) -> pd.DataFrame:
    """Return the median over tracks of each metric.

    Args:
        summary: of `TrackScores`, of any number of tracks. Rows of what was not made have no metric, so they are
            left out: count them by their reason.
        by: columns that tell apart what is not to be mixed.

    Returns:
        A row a key: columns `by`, median, tracks (with a value), not_applicable (tracks without), frames and
        undefined (frames without a value), both over all tracks.
    """
    rows = []
    for key, part in summary.groupby([*by], sort=False):
        values = part["value"].dropna().to_numpy(float)
        rows.append(
            {
                **dict(zip(by, key, strict=True)),
                "median": float(np.median(values)) if len(values) else float("nan"),
                "tracks": len(values),
                "not_applicable": len(part) - len(values),
                "frames": int(part["frames"].sum()),
                "undefined": int(part["undefined"].sum()),
            }
        )
    return pd.DataFrame(rows)
