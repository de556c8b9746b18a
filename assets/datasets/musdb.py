"""MUSDB18 as assets: locates the raw data and makes shards of checked tracks."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.audits import few_rejected, quarantined, readable
from assets.declaration import Audit, Finding, Shown, Source, Summary, Work, stored_asset
from assets.display import table
from assets.environment import Environment
from assets.origin import without_folders
from data.progress import Listener

if TYPE_CHECKING:
    from data.musdb.dataset import Track


def _version(environment: Environment) -> str:
    """Return a text that identifies the raw data: the version of the embedded songs, the download, or a hash.

    The hash is over names, sizes and modification times of the files, not over their content.
    """
    from data.embedded.songs import VERSION
    from data.musdb.dataset import OFFICIAL, find_tracks, source_version

    if not environment.musdb:
        return f"embedded songs {VERSION}"
    if environment.musdb in OFFICIAL:
        return f"remote {environment.musdb}"
    return source_version(find_tracks(Path(environment.musdb).expanduser()))


def _locate(environment: Environment, listener: Listener) -> "list[Track]":
    """Return the tracks of MUSDB18; they are downloaded, or the embedded songs generated, if necessary."""
    from data.embedded.songs import make_songs
    from data.musdb.dataset import locate

    location = environment.musdb or str(
        make_songs(environment.downloads, listener=listener, threads=environment.judging)
    )
    return locate(location, environment.downloads, listener)


MUSDB = Source(
    "musdb_source",
    "MUSDB18 as it comes: a folder, an official zip, a download, or embedded songs made here.",
    "musdb",
    _version,
    _locate,
)


def _few_quarantined(folder: Path, environment: Environment) -> Finding:
    """Check that only a small share of the tracks is in quarantine."""
    from data.files.tables import read_table
    from data.musdb.tracks import group_folders

    groups = group_folders(folder)
    good = sum(read_table(one / "index.parquet")["source"].to_pylist().count("mixture") for one in groups)
    return few_rejected(quarantined(*groups), good, environment.most_bad_tracks, "TESSITURA_MOST_BAD_TRACKS")


def _tracks(folder: Path) -> Shown:
    """Return tables of the tracks in the shards and of those in quarantine, for the web UI."""
    import pandas as pd

    from data.files.tables import read_frame
    from data.musdb.tracks import group_folders

    groups = group_folders(folder)
    index = pd.concat([read_frame(one / "index.parquet") for one in groups], ignore_index=True)
    quarantine = pd.concat([read_frame(one / "quarantine.parquet") for one in groups], ignore_index=True)
    mixtures = index[index["source"] == "mixture"]
    tracks = mixtures.assign(
        seconds=mixtures["frames"] / mixtures["sample_rate"], marks=mixtures["flags"].map(", ".join)
    )
    return {
        "tracks at hand": table(tracks[["track", "split", "seconds", "marks", "errata"]]),
        "quarantine": table(quarantine[["id", "reason"]]),
        "dagster/row_count": dg.MetadataValue.int(len(index)),
    }


@stored_asset(
    files=["groups.json"],
    kinds={"parquet"},
    source=MUSDB,
    show=_tracks,
    audits=(readable(100), Audit("few_quarantined", "Most tracks could be used.", _few_quarantined)),
)
def musdb_tracks(work: Work, musdb_source: "list[Track]") -> Summary:
    """The tracks of MUSDB18 in TAR shards: one recording per source, all sources of a track sample-aligned.

    A track that cannot be used goes to the quarantine table and does not stop the others.
    """
    from data.musdb.tracks import ingest_groups

    location, splits = work.environment.musdb, [track.split for track in musdb_source]
    work.ingest(ingest_groups, location, musdb_source)
    counts = {name: splits.count(name) for name in ("train", "valid", "test")}
    return {"location": without_folders(location) or "made here", "embedded": not location, **counts}
