"""Writes MUSDB18 tracks as shards: one recording per source, all sources of a track sample-aligned.

A track that cannot be used goes to the quarantine table with its reason and does not stop the others. For each
recording the index holds its track, source, split and known defects (`COLUMNS`).
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from data.decoding import decoding
from data.execution import Execution
from data.files.durable import SUFFIX, file_sha256, read_json, write_json
from data.files.headers import UnreadableAudio
from data.files.names import make_id
from data.musdb.dataset import GROUPS, SAMPLE_RATE, SOURCES, Track, group_of, source_version
from data.musdb.errata import errata
from data.musdb.stems import BadTrack, flags, read_track
from data.processes import map_in_order
from data.progress import Progress
from data.shards.writer import INDEX, QUARANTINE, SHARD_BYTES, Item, Record, Rejection, ShardWriter, is_committed

_GROUPS = "groups.json"  # hash of the content by group; the last file that is written
_SOURCES = "sources.json"  # what each group was made from: a hash of code and of names, sizes and times of files
COLUMNS = pa.schema([("track", pa.string()), ("source", pa.string()), ("split", pa.string()), ("errata", pa.string())])


def recording_id(track: Track, source: str) -> str:
    """Return the id of a source of a track; it is safe as a file name for any track name."""
    return f"{make_id(track.name)}-{source}"


def ingest_tracks(execution: Execution, tracks: Sequence[Track], shard_bytes: int = SHARD_BYTES) -> None:
    """Write `tracks` as shards; if it is killed and called again, it resumes and produces the same bytes.

    Args:
        execution: output folder of the shards, and listener.
        tracks: songs to read (`dataset.locate`); one that cannot be used becomes a row of the quarantine table.
        shard_bytes: size in bytes from which a shard is finished and the next one begins.

    Example:
        >>> ingest_tracks(Execution(Path("tracks")), locate("musdb18hq", Path("downloads")))
    """
    if is_committed(execution.folder):
        return
    writer = ShardWriter(execution.folder, shard_bytes)
    done = {one for rows in writer.rows() for one in rows["id"].to_pylist()}
    done |= {one.id for one in writer.rejections()}
    begun = [number for number, track in enumerate(tracks) if _ids(track) & done]
    first = begun[-1] if begun else 0  # the last one may be stored only in part
    progress = Progress("ingest tracks", total=len(tracks), unit="tracks", listener=execution.listener)
    progress.skip(first)
    for items in _in_order(tracks[first:]):
        for item in items:
            if item.id not in done:
                writer.add(item)
        progress.advance()
    known = {recording_id(track, source): (track, source) for track in tracks for source in SOURCES}
    writer.commit(lambda rows: _describe(rows, known))
    progress.finish()


def ingest_groups(execution: Execution, tracks: Sequence[Track]) -> None:
    """Write `tracks` as shards, one folder for each group of tracks, and then groups.json, the hash of each by name.

    A group without tracks has no folder. A group in which nothing has changed is hard-linked from an earlier
    result (`Execution.earlier`), so that one additional song does not require decoding all others again. If it is
    killed and called again, it resumes. The bytes do not depend on the number of processes.

    Args:
        execution: output folder, listener, code version, earlier results, and number of processes, each of which works
            on one group at a time and holds two tracks.
        tracks: songs to read (`dataset.locate`).

    Example:
        >>> ingest_groups(Execution(Path("tracks")), locate("musdb18hq", Path("downloads")))
    """
    sorted_out = {group: [one for one in tracks if group_of(one.name) == group] for group in GROUPS}
    found, todo = {}, list[_Group]()
    progress = Progress("ingest tracks", total=len(tracks), unit="tracks", listener=execution.listener)
    for group, some in sorted_out.items():
        if not some:
            continue
        found[group] = hashlib.sha256(f"{execution.code_version} {source_version(some)}".encode()).hexdigest()
        folder = execution.folder / group
        if is_committed(folder) or _taken_over(execution, group, found[group]):
            progress.skip(len(some))
        else:
            todo.append(_Group(folder, tuple(some)))
    with closing(map_in_order(_ingest, todo, execution.workers)) as ingested:
        for count in ingested:
            progress.advance(count)
    write_json(execution.folder / _SOURCES, found)
    write_json(execution.folder / _GROUPS, {group: _content(execution.folder / group) for group in found})
    progress.finish()


@dataclass(frozen=True)
class _Group:
    """The tracks of a group, and the folder of their shards."""

    folder: Path
    tracks: tuple[Track, ...]


def _ingest(group: _Group) -> int:
    """Write the tracks of a group as shards, and return their number."""
    ingest_tracks(Execution(group.folder), group.tracks)
    return len(group.tracks)


def _taken_over(execution: Execution, group: str, version: str) -> bool:
    """Hard-link the shards of a group from an earlier result with the same version; return whether there is one."""
    folder = execution.folder / group
    for earlier in execution.earlier:
        record = earlier / _SOURCES
        if record.is_file() and read_json(record).get(group) == version and is_committed(earlier / group):
            partial = folder.with_name(folder.name + SUFFIX)
            for leaving in (folder, partial):
                shutil.rmtree(leaving, ignore_errors=True)
            shutil.copytree(earlier / group, partial, copy_function=os.link)
            os.replace(partial, folder)
            return True
    return False


def _content(folder: Path) -> str:
    """Return a hash of the recordings, labels and rejections of a group, which does not depend on times of files."""
    hashes = [file_sha256(folder / name) for name in (INDEX, QUARANTINE)]
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()


def group_folders(folder: Path) -> list[Path]:
    """Return the folders of shards that `ingest_groups` has written into `folder`, sorted.

    Example:
        >>> tracks = [Shards(one) for one in group_folders(Path("tracks"))]
    """
    return [folder / group for group in sorted(read_json(folder / _GROUPS))]


def _ids(track: Track) -> set[str]:
    """Return all ids that items of a track can have: of its recordings and of its rejection."""
    return {recording_id(track, source) for source in SOURCES} | {make_id(track.name)}


def _in_order(tracks: Sequence[Track]) -> Iterator[list[Item]]:
    """Read tracks on a second thread, one ahead, and yield the items of each in order."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(_items, tracks[0]) if tracks else None
        for number in range(len(tracks)):
            assert following is not None
            items = following.result()
            following = pool.submit(_items, tracks[number + 1]) if number + 1 < len(tracks) else None
            yield items


def _items(track: Track) -> list[Item]:
    """Return the recordings of a track, or one rejection."""
    try:
        with decoding(track.name):
            stems = read_track(track)
    except UnreadableAudio as error:
        return [Rejection(make_id(track.name), f"{track.name}: {error}", track.subset)]
    except BadTrack as error:
        return [Rejection(make_id(track.name), str(error), track.subset)]
    marks, sources = sorted([*flags(stems.sources), *stems.marks]), stems.sources
    return [Record(recording_id(track, name), pcm, SAMPLE_RATE, track.subset, marks) for name, pcm in sources.items()]


def _describe(rows: pa.Table, known: dict[str, tuple[Track, str]]) -> pa.Table:
    """Return the index rows with the columns of `COLUMNS` added."""
    found = [known[one] for one in rows["id"].to_pylist()]
    values = {
        "track": [track.name for track, _ in found],
        "source": [source for _, source in found],
        "split": [track.split for track, _ in found],
        "errata": [errata(track.name) for track, _ in found],
    }
    for name, column in values.items():
        rows = rows.append_column(COLUMNS.field(name), pa.array(column, pa.string()))
    return rows
