"""Score the estimates of separation systems, stored in shards, against the true sources; medians over tracks.

Only vocals are estimated. The estimate of the accompaniment is the mixture minus the estimated vocals, so vocals and
accompaniment are always evaluated together.

Shapes: T samples, K channels.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import InputError
from data.execution import Execution
from data.files.names import make_id
from data.files.tables import read_frame, read_table, write_frame
from data.processes import Reopened
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from eval.metrics.blocks import Sound
from eval.metrics.sdr import TrackScores, score_track
from eval.metrics.speaker import SpeakerEncoder
from eval.parts import clear_parts, evaluate_in_parts
from eval.separation.sounds import ACCOMPANIMENT, VOCALS, ShardSound, with_accompaniment


def write_scores(
    execution: Execution, songs: Path, estimates: Path, voice: SpeakerEncoder | None = None
) -> dict[str, int]:
    """Score estimated vocals against the true sources and write scores.parquet and seconds.parquet.

    Both tables have the columns of `eval.metrics.sdr.TrackScores`, with `system`, `track`, `split` and `errata` in
    front. scores.parquet has a last column `reason`: None for a score. If a system has no estimate of a song, there is
    one row with the reason as text, in which source and metric are empty and the value is NaN. The scores of each
    song are stored when they are computed; a second call after an interruption resumes with the songs that are left.

    Args:
        execution: its folder receives the tables, and its listener the progress reports, counted in songs.
        songs: shards of the true vocals and accompaniment, with the labels `track`, `source`, `split` and `errata`
            (`data.musdb.vocals`).
        estimates: shards of estimated vocals, with the labels `system` and `track` (`models.separation.estimates`).
            In the quarantine table of these shards, `part` is the name of the system.
        voice: encoder for the metric "voice similarity"; None leaves this metric out.

    Returns:
        Number of pairs of system and song that were "scored" and "not scored".

    Raises:
        InputError: there are no estimates at all, or an estimate belongs to no song or differs from its song in
            sample rate, length or channels; the message names it.

    Example:
        >>> write_scores(Execution(Path("scores")), Path("songs"), Path("estimates"))
        {'scored': 300, 'not scored': 0}
    """
    folder = execution.folder
    if not (folder / "scores.parquet").is_file():
        evaluation = _Evaluation(songs, estimates, voice)
        tracks = evaluation.tracks
        progress = Progress("score songs", total=len(tracks), unit="songs", listener=execution.listener)
        found = evaluate_in_parts(execution, ("scores", "seconds"), tracks, evaluation.score, progress)
        scores = TrackScores(found["scores"], found["seconds"]) if tracks else TrackScores.together([])
        missing = pd.DataFrame(evaluation.missing())
        filled = [one for one in (scores.summary, missing) if len(one)]
        if not filled:
            raise InputError(f"{estimates}: no estimates and no reasons why; separate the songs again")
        summary = pd.concat(filled, ignore_index=True)
        write_tables(folder, TrackScores(summary, scores.seconds))
    clear_parts(execution)
    pairs = read_frame(folder / "scores.parquet").drop_duplicates(["system", "track"])
    return {"scored": int(pairs["reason"].isna().sum()), "not scored": int(pairs["reason"].notna().sum())}


class _Evaluation(Reopened):
    """The true sources of songs and the estimates of their vocals."""

    def __init__(self, songs: Path, estimates: Path, voice: SpeakerEncoder | None) -> None:
        self._true, self._made, self._estimates, self._voice = (
            _Songs(songs),
            Shards(estimates),
            estimates,
            voice,
        )
        self._rows: dict[str, list[int]] = {}
        for row, track in enumerate(self._made.column("track")):
            self._rows.setdefault(str(track), []).append(row)

    @property
    def tracks(self) -> list[str]:
        """Names of the songs that have at least one estimate."""
        return list(self._rows)

    def score(self, track: str) -> dict[str, pd.DataFrame]:
        """Return the scores of all estimates of a song: tables "scores" (the summary) and "seconds"."""
        references = self._true.read(track)
        found = TrackScores.together([self._score(row, track, references) for row in self._rows[track]])
        return {"scores": found.summary.assign(reason=None), "seconds": found.seconds}

    def _score(self, row: int, track: str, references: dict[str, Sound]) -> TrackScores:
        """Return the scores of the estimate in one row of the shards.

        Raises:
            InputError: it differs from the song in length, channels or sample rate.
        """
        system, rate = str(self._made.column("system")[row]), self._true.sample_rate(track)
        estimate = ShardSound(self._made, row)
        form = (*estimate.shape, int(self._made.column("sample_rate")[row]))
        if form != (expected := (*references[VOCALS].shape, rate)):
            raise InputError(
                f"{self._estimates}: {system} of {track} has (samples, channels, Hz) {form}, the song {expected}; "
                "separate the songs again"
            )
        found = score_track(references, with_accompaniment(references, estimate), rate, voice=self._voice)
        return found.labelled(system=system, track=track, **self._true.labels(track))

    def missing(self) -> list[dict[str, object]]:
        """Return one row of scores.parquet, with a reason and without a metric, for every missing estimate."""
        return self._true.missing(self._estimates)


class _Songs:
    """The true vocals and accompaniment of songs, by name of the track."""

    def __init__(self, folder: Path) -> None:
        self._shards = Shards(folder)
        columns = (self._shards.column(name) for name in ("track", "source"))
        self._rows = {(str(track), str(source)): row for row, (track, source) in enumerate(zip(*columns, strict=True))}

    def _row(self, track: str, source: str) -> int:
        """Return the row of a source in the shards.

        Raises:
            InputError: the shards have no such source.
        """
        if (track, source) not in self._rows:
            raise InputError(f"{self._shards.folder}: no {source} of {track}, which was separated; separate again")
        return self._rows[track, source]

    def read(self, track: str) -> dict[str, Sound]:
        """Return true vocals and accompaniment, float32, shape (T, K) each, which are read in parts."""
        return {source: ShardSound(self._shards, self._row(track, source)) for source in (VOCALS, ACCOMPANIMENT)}

    def sample_rate(self, track: str) -> int:
        """Return the sample rate of a track in Hz."""
        return int(self._shards.column("sample_rate")[self._row(track, VOCALS)])

    def labels(self, track: str) -> dict[str, str]:
        """Return the labels `split` and `errata` of a track, which every score row repeats."""
        return {name: str(self._shards.column(name)[self._row(track, VOCALS)]) for name in ("split", "errata")}

    def missing(self, estimates: Path) -> list[dict[str, object]]:
        """Return one row of scores.parquet, without a metric, for every estimate in the quarantine table."""
        tracks = {make_id(track): track for track, _ in self._rows}
        found = []
        for one in read_table(estimates / QUARANTINE).to_pylist():
            system, name = str(one["part"]), str(one["id"])
            track = tracks.get(name.removeprefix(f"{system}-"), name)
            labels = {"system": system, "track": track, **self.labels(track)}
            found.append({**labels, "value": float("nan"), "frames": 0, "undefined": 0, "reason": one["reason"]})
        return found


def write_tables(folder: Path, scores: TrackScores) -> None:
    """Write the scores into `folder` as seconds.parquet and scores.parquet.

    scores.parquet is written last: if it exists, both tables are complete.
    """
    for name, frame in (("seconds", scores.seconds), ("scores", scores.summary)):
        write_frame(folder / f"{name}.parquet", frame)


def medians(summary: pd.DataFrame, by: Sequence[str] = ("sources", "source", "metric")) -> pd.DataFrame:
    """Return the median over tracks of each metric.

    Args:
        summary: the table `TrackScores.summary` of any number of tracks. Rows of missing estimates have no metric and
            are left out.
        by: columns that define the groups; a median is taken over the tracks of a group. Add "system" if the table
            has several systems.

    Returns:
        One row per group: the columns `by`; `median`, NaN if no track has a value; `tracks`, the number of tracks
        with a value; `not_applicable`, the number of tracks without; `frames` and `undefined`, the number of frames
        and of frames without a value, summed over all tracks.

    Example:
        >>> table = medians(pd.read_parquet("scores.parquet"), by=("system", "source", "metric"))
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
