"""Separation judged: estimates in shards or in folders against their references, track by track.

The accompaniment of an estimate is the mixture minus its vocals, so the source set is always vocals and
accompaniment. Pairing is by name, never by the order in which a folder lists its files.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from data.audio import read, to_float
from data.durable import replacing_path
from data.errors import InputError
from data.progress import Listener, Progress, ignore
from data.reader import Shards
from data.shards import QUARANTINE
from data.tables import read_table
from eval.sdr import TrackScores, judge_track


def score_estimates(songs: Path, estimates: Path, listener: Listener = ignore) -> TrackScores:
    """Judge the vocals in the shards `estimates` against the songs in the shards `songs`.

    Returns:
        Summary and seconds with the columns system, track, split and errata in front; a system that
        made nothing of a song has a row with its reason and no value.
    """
    true, made = Shards(songs), Shards(estimates)
    rows = {(str(true.column("track")[row]), str(true.column("source")[row])): row for row in range(len(true))}
    progress = Progress("judge songs", total=len(made), unit="songs", listener=listener)

    def judged(row: int) -> TrackScores:
        track, system = str(made.column("track")[row]), str(made.column("system")[row])
        vocals, rest = (to_float(true.read(rows[track, source])) for source in ("vocals", "accompaniment"))
        estimate = to_float(made.read(row))
        found = judge_track(
            {"vocals": vocals, "accompaniment": rest},
            {"vocals": estimate, "accompaniment": vocals + rest - estimate},
            int(true.column("sample_rate")[rows[track, "vocals"]]),
        )
        labels = {name: str(true.column(name)[rows[track, "vocals"]]) for name in ("split", "errata")}
        return _labelled(found, {"system": system, "track": track, **labels})

    found = []
    with ThreadPoolExecutor(2) as pool:
        for one in pool.map(judged, range(len(made))):
            found.append(one)
            progress.advance()
    progress.finish()
    summary = pd.concat([one.summary for one in found], ignore_index=True)
    summary["reason"] = None
    missing = [{"system": one["id"].partition("-")[0], "track": one["id"], "reason": one["reason"]}
               for one in read_table(estimates / QUARANTINE).to_pylist()]  # fmt: skip
    return TrackScores(
        pd.concat([summary, pd.DataFrame(missing)], ignore_index=True) if missing else summary,
        pd.concat([one.seconds for one in found], ignore_index=True),
    )


def _labelled(scores: TrackScores, labels: dict[str, str]) -> TrackScores:
    """Return the scores with columns in front."""
    frames = []
    for frame in (scores.summary, scores.seconds):
        labelled = frame.copy()
        for place, (name, value) in enumerate(labels.items()):
            labelled.insert(place, name, value)
        frames.append(labelled)
    return TrackScores(*frames)


def write_scores(folder: Path, songs: Path, estimates: Path, listener: Listener = ignore) -> dict[str, int]:
    """Judge estimates into `folder`/scores.parquet and seconds.parquet; return how many there are."""
    scores = score_estimates(songs, estimates, listener)
    for name, frame in (("seconds", scores.seconds), ("scores", scores.summary)):
        with replacing_path(folder / f"{name}.parquet") as partial:
            frame.to_parquet(partial)
    return {"judged": len(scores.summary.drop_duplicates(["system", "track"]))}


def score_folders(reference: Path, estimate: Path, listener: Listener = ignore) -> TrackScores:
    """Judge anybody's estimates: a folder per track in both, a sound file per source, paired by name.

    Sources that the estimates do not have are left out; those that are there are judged as one source set.

    Raises:
        InputError: tracks or sources that have no partner, or sound that does not fit; the message names it.
    """
    tracks = _tracks(reference), _tracks(estimate)
    if missing := sorted(set(tracks[0]) - set(tracks[1])):
        raise InputError(f"{estimate}: no estimates of {len(missing)} tracks ({', '.join(missing[:3])}); add them")
    if unknown := sorted(set(tracks[1]) - set(tracks[0])):
        raise InputError(f"{reference}: no references of {len(unknown)} tracks ({', '.join(unknown[:3])})")
    progress = Progress("judge tracks", total=len(tracks[0]), unit="tracks", listener=listener)
    found = []
    for name in sorted(tracks[0]):
        found.append(_labelled(_score_track(name, tracks[0][name], tracks[1][name]), {"track": name}))
        progress.advance()
    progress.finish()
    return TrackScores(*(pd.concat(frames, ignore_index=True) for frames in zip(*map(_frames, found), strict=True)))


def _frames(scores: TrackScores) -> tuple[pd.DataFrame, pd.DataFrame]:
    return scores.summary, scores.seconds


def _tracks(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the sound files of each track by source.

    Raises:
        InputError: no such folder, or no track in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    found = {path.name: dict(_sources(path)) for path in sorted(folder.iterdir()) if path.is_dir()}
    found = {name: sources for name, sources in found.items() if sources}
    if not found:
        raise InputError(f"{folder}: no folders with .wav or .flac files inside; one folder a track is expected")
    return found


def _sources(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".wav", ".flac") and path.stem != "mixture":
            yield path.stem, path


def _score_track(name: str, references: dict[str, Path], estimates: dict[str, Path]) -> TrackScores:
    """Judge one track."""
    if unknown := sorted(set(estimates) - set(references)):
        raise InputError(
            f"{name}: estimates without a reference: {', '.join(unknown)}; name them as the references are"
        )
    both: list[dict[str, np.ndarray]] = []
    rates = set()
    for paths in (references, estimates):
        sounds = {source: read(paths[source]) for source in estimates}
        rates |= {one.sample_rate for one in sounds.values()}
        both.append({source: to_float(one.samples) for source, one in sounds.items()})
    shapes = {wave.shape for waves in both for wave in waves.values()}
    if len(shapes) > 1 or len(rates) > 1:
        raise InputError(
            f"{name}: files of different (samples, channels) or rates: {sorted(shapes)}, {sorted(rates)} Hz"
        )
    return judge_track(both[0], both[1], rates.pop())
