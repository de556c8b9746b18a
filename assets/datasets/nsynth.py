"""NSynth as assets: locates the raw data and makes checked, labelled and split shards of notes."""

import hashlib
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
    from data.nsynth.dataset import Part


def _version(environment: Environment) -> str:
    """Return a text that identifies the raw data: the version of the embedded notes, the download, or a hash.

    The hash is over names, sizes and modification times of the files, not over their content.
    """
    from data.embedded.notes import VERSION
    from data.nsynth.dataset import find_parts, is_remote, source_version

    if not environment.nsynth:
        return f"embedded notes {VERSION}"
    if is_remote(environment.nsynth):
        return f"remote {hashlib.sha256(environment.nsynth.encode()).hexdigest()[:16]}"
    return source_version(find_parts(environment.nsynth))


def _locate(environment: Environment, listener: Listener) -> "list[Part]":
    """Return the parts of NSynth; they are downloaded, or the embedded notes generated, if necessary."""
    from data.embedded.notes import make_notes
    from data.nsynth.dataset import locate

    downloads = environment.downloads
    location = environment.nsynth or str(make_notes(downloads / "demo", listener=listener, threads=environment.judging))
    return locate(location, downloads, listener)


NSYNTH = Source(
    "nsynth_source",
    "NSynth as it comes: a folder, archives, a download, or embedded notes made here.",
    "nsynth",
    _version,
    _locate,
)


def _no_leak(folder: Path, environment: Environment) -> Finding:
    """Check that no (instrument, pitch) pair and no identical audio is in two splits."""
    from data.nsynth.leaks import leaks
    from data.shards.reader import Shards

    del environment
    return apart(leaks(folder, Shards(folder).table), "training and test notes", "ingest again, the split is broken")


def _few_quarantined(folder: Path, environment: Environment) -> Finding:
    """Check that only a small share of the notes is in quarantine."""
    from data.files.tables import read_table

    good = len(read_table(folder / "index.parquet"))
    return few_rejected(quarantined(folder), good, environment.most_quarantined, "TESSITURA_MOST_QUARANTINED")


def _tables(folder: Path) -> Shown:
    """Return tables of the notes by family and split, of their flags and of the quarantine, for the web UI."""
    from data.files.tables import read_frame

    index = read_frame(folder / "index.parquet")
    counts = index.groupby(["family", "split"]).size().unstack(fill_value=0).reset_index()
    flags = index["flags"].explode().dropna().value_counts().rename_axis("flag").reset_index(name="notes")
    quarantine = read_frame(folder / "quarantine.parquet")
    reasons = quarantine["reason"].value_counts().rename_axis("reason").reset_index(name="notes")
    return {
        "notes by family": table(counts),
        "flags": table(flags),
        "quarantine": table(reasons),
        "dagster/row_count": dg.MetadataValue.int(len(index)),
    }


@stored_asset(
    config=lambda run: {"convert": run.environment.convert_notes},
    files=["index.parquet"],
    kinds={"parquet"},
    source=NSYNTH,
    show=_tables,
    audits=(
        readable(1000),
        Audit("no_leak", "No (instrument, pitch) pair and no sound is shared by two splits.", _no_leak),
        Audit("few_quarantined", "Most of what came could be used.", _few_quarantined),
    ),
)
def nsynth_shards(work: Work, nsynth_source: "list[Part]") -> Summary:
    """The notes of NSynth in TAR shards with a Parquet index: checked, labelled and split.

    A note that cannot be used goes to the quarantine table.
    """
    from data.nsynth.ingest import describe, ingest

    location = work.environment.nsynth
    work.ingest(ingest, location, nsynth_source, convert=work.config["convert"])
    return {
        "location": without_folders(location) or "made here",
        "embedded": not location,
        "parts": ", ".join(part.name for part in nsynth_source),
        **describe(work.execution.folder),
    }
