"""Singing as assets: locates the raw recordings and makes shards of checked clips."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.audits import apart, few_rejected, quarantined, readable
from assets.declaration import Audit, Finding, Shown, Source, Summary, Work, stored_asset
from assets.display import table
from assets.environment import Environment
from assets.origin import without_folders
from data.progress import Listener

if TYPE_CHECKING:
    from data.voices.layouts import Recording


def _version(environment: Environment) -> str:
    """Return a text that identifies the raw data: the version of the embedded singers, or a hash.

    The hash is over names, sizes and modification times of the files, not over their content.
    """
    from data.embedded.voices import VERSION
    from data.voices.layouts import find_recordings, source_version

    if not environment.voices:
        return f"embedded singers {VERSION}"
    return source_version(find_recordings(Path(environment.voices).expanduser()))


def _locate(environment: Environment, listener: Listener) -> "list[Recording]":
    """Return the recordings of singing; the embedded singers are generated if necessary."""
    from data.embedded.voices import make_voices
    from data.voices.layouts import find_recordings

    location = environment.voices or str(
        make_voices(environment.downloads, listener=listener, threads=environment.judging)
    )
    return find_recordings(Path(location).expanduser())


VOICES = Source(
    "voices_source",
    "Recordings of singing as they come: a folder, or embedded singers made here.",
    "voices",
    _version,
    _locate,
)


def _few_quarantined(folder: Path, environment: Environment) -> Finding:
    """Check that only a small share of the recordings is in quarantine."""
    from data.files.tables import read_table

    good = len(read_table(folder / "index.parquet"))
    return few_rejected(quarantined(folder), good, environment.most_bad_voices, "TESSITURA_MOST_BAD_VOICES")


def _clips(folder: Path) -> Shown:
    """Return tables of the singers in the shards and of what is in quarantine, for the web UI."""
    from data.files.tables import read_frame

    index = read_frame(folder / "index.parquet")
    sung = index[index["part"] == "voice"]
    sung = sung.assign(seconds=sung["frames"] / sung["sample_rate"])
    singers = sung.groupby(["split", "singer"]).agg(clips=("clip", "count"), seconds=("seconds", "sum"))
    return {
        "singers": table(singers.reset_index()),
        "quarantine": table(read_frame(folder / "quarantine.parquet")[["id", "reason"]]),
        "dagster/row_count": dg.MetadataValue.int(len(index)),
    }


def _apart(folder: Path, environment: Environment) -> Finding:
    """Check that no singer, song or identical audio is in two splits."""
    from data.voices.leaks import voices_in_two_splits

    del environment
    return apart(voices_in_two_splits(folder), "singers, songs and recordings of the splits", "remove the copies")


@stored_asset(
    config=lambda run: {"target": run.environment.target_singer},
    files=["index.parquet"],
    kinds={"parquet"},
    source=VOICES,
    show=_clips,
    audits=(
        readable(100),
        Audit("few_quarantined", "Most recordings could be used.", _few_quarantined),
        Audit("no_singer_in_two_splits", "No singer, song or identical audio is in two splits.", _apart),
    ),
)
def voices_clips(work: Work, voices_source: "list[Recording]", musdb_tracks: Path) -> Summary:
    """Singing in TAR shards: clips of 1 to 20 s at 16 kHz, whole singers in a split, and the accompaniments of MUSDB18.

    A recording that cannot be used goes to the quarantine table and does not stop the others.
    """
    from data.musdb.tracks import group_folders
    from data.shards.reader import Shards
    from data.voices.ingest import Ingesting, ingest_voices
    from data.voices.splits import Splitting

    options = Ingesting(Splitting(work.config["target"]), tracks=tuple(group_folders(musdb_tracks)))
    location = work.environment.voices
    made = work.ingest(ingest_voices, location, voices_source, options)
    metadata = Shards(work.execution.folder).metadata
    return {
        "location": without_folders(location) or "made here",
        "embedded": not location,
        "target": metadata["target"],
        **made,
    }
