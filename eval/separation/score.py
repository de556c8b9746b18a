"""Separated songs scored: the estimates of every system, in shards, against the songs, and medians over tracks.

The accompaniment of an estimate is the mixture minus its vocals, so the source set is always vocals and
accompaniment.

Shapes: T samples, K channels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_float
from data.files.names import make_id
from data.files.tables import read_frame, read_table, write_frame
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from eval.metrics.embedding import Embedding
from eval.metrics.sdr import TrackScores, score_track
from eval.parts import clear_parts, evaluate_in_parts

VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"


def write_scores(
    execution: Execution, songs: Path, estimates: Path, embedding: Embedding | None = None
) -> dict[str, int]:
    """Score the vocals in the shards `estimates` against the songs, and write seconds.parquet and scores.parquet.

    Both tables (`TrackScores`) have the columns system, track, split and errata in front, and scores.parquet
    has `reason` behind: a system that made nothing of a song has a row with its reason and no metric or value.
    Stopped and called again, it goes on: every song that was scored is kept as a part.

    Args:
        execution: the folder of the tables.
        songs: shards of songs with the labels track, source, split and errata.
        estimates: shards of vocals with the labels system and track; in the quarantine table the part is the system.
        embedding: the encoder of the embedding MSE, if there is one.

    Returns:
        How many estimates were "scored", and how many were "not scored".

    Raises:
        InputError: an estimate of no song, of another rate or of another length; the message names it.
    """
    folder = execution.folder
    if not (folder / "scores.parquet").is_file():
        evaluation = _Evaluation(songs, estimates, embedding)
        tracks = evaluation.tracks
        progress = Progress("score songs", total=len(tracks), unit="songs", listener=execution.listener)
        found = evaluate_in_parts(
            execution, ("scores", "seconds"), len(tracks), lambda number: evaluation.score(tracks[number]), progress
        )
        scores = TrackScores(found["scores"], found["seconds"]) if tracks else TrackScores.together([])
        missing = pd.DataFrame(evaluation.missing())
        summary = pd.concat([one for one in (scores.summary, missing) if len(one)], ignore_index=True)
        write_tables(folder, TrackScores(summary, scores.seconds))
    clear_parts(execution)
    pairs = read_frame(folder / "scores.parquet").drop_duplicates(["system", "track"])
    return {"scored": int(pairs["reason"].isna().sum()), "not scored": int(pairs["reason"].notna().sum())}


class _Evaluation:
    """The songs and the estimates of their vocals. Safe to share between threads."""

    def __init__(self, songs: Path, estimates: Path, embedding: Embedding | None) -> None:
        self._true, self._made, self._estimates, self._embedding = (
            _Songs(songs),
            Shards(estimates),
            estimates,
            embedding,
        )
        self._rows: dict[str, list[int]] = {}
        for row, track in enumerate(self._made.column("track")):
            self._rows.setdefault(str(track), []).append(row)

    @property
    def tracks(self) -> list[str]:
        """The songs that there are estimates of."""
        return list(self._rows)

    def score(self, track: str) -> dict[str, pd.DataFrame]:
        """Return the summary, as "scores", and the seconds of every estimate of a song."""
        references = self._true.read(track)
        found = TrackScores.together([self._score(row, track, references) for row in self._rows[track]])
        return {"scores": found.summary.assign(reason=None), "seconds": found.seconds}

    def _score(self, row: int, track: str, references: dict[str, np.ndarray]) -> TrackScores:
        system, rate = str(self._made.column("system")[row]), self._true.sample_rate(track)
        estimate = to_float(self._made.read(row))
        form = (*estimate.shape, int(self._made.column("sample_rate")[row]))
        if form != (expected := (*references[VOCALS].shape, rate)):
            raise InputError(
                f"{self._estimates}: {system} of {track} has (samples, channels, Hz) {form}, the song {expected}; "
                "separate the songs again"
            )
        found = score_track(references, with_accompaniment(references, estimate), rate, embedding=self._embedding)
        return found.labelled(system=system, track=track, **self._true.labels(track))

    def missing(self) -> list[dict[str, object]]:
        """Return a row, without metrics, for everything that a system could not make."""
        return self._true.missing(self._estimates)


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


def write_tables(folder: Path, scores: TrackScores) -> None:
    """Write the rows as `folder`/seconds.parquet and, last, scores.parquet."""
    for name, frame in (("seconds", scores.seconds), ("scores", scores.summary)):
        write_frame(folder / f"{name}.parquet", frame)


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
