"""MUSDB18 tracks into shards: a recording per source, all sources of a track sample-aligned.

A track that cannot be used goes to the quarantine table with its reason and stops nothing. The index
says of every recording which track and source it is, its split, its known defects, and how loud each of
its seconds is, so that silent stretches can be passed over without reading them.

Shapes: T samples, K channels.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from data.files.names import make_id
from data.musdb.dataset import SAMPLE_RATE, SOURCES, Track
from data.musdb.errata import errata
from data.musdb.stems import BadTrack, flags, read_track
from data.progress import Listener, Progress, ignore
from data.shards.writer import SHARD_BYTES, Item, Record, Rejection, ShardWriter

COLUMNS = pa.schema([("track", pa.string()), ("source", pa.string()), ("split", pa.string()), ("errata", pa.string())])


def recording_id(track: Track, source: str) -> str:
    """Return the id of a source of a track; names of any kind are safe in it."""
    return f"{make_id(track.name)}-{source}"


def ingest_tracks(
    folder: Path, tracks: Sequence[Track], *, listener: Listener = ignore, shard_bytes: int = SHARD_BYTES
) -> None:
    """Write `tracks` as shards into `folder`; killed and called again, it goes on and ends at the same bytes."""
    writer = ShardWriter(folder, shard_bytes)
    done = {one for rows in writer.rows() for one in rows["id"].to_pylist()}
    done |= {one.id for one in writer.rejections()}
    begun = [number for number, track in enumerate(tracks) if _ids(track) & done]
    first = begun[-1] if begun else 0  # the last one may be half there
    progress = Progress("ingest tracks", total=len(tracks), unit="tracks", listener=listener)
    progress.skip(first)
    for items in _in_order(tracks[first:]):
        for item in items:
            if item.id not in done:
                writer.add(item)
        progress.advance()
    known = {recording_id(track, source): (track, source) for track in tracks for source in SOURCES}
    writer.commit(lambda rows: _describe(rows, known))
    progress.finish()


def _ids(track: Track) -> set[str]:
    return {recording_id(track, source) for source in SOURCES} | {make_id(track.name)}


def _in_order(tracks: Sequence[Track]) -> Iterator[list[Item]]:
    """Read tracks on a second thread, one ahead, and yield their items in order."""
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(_items, tracks[0]) if tracks else None
        for number in range(len(tracks)):
            assert following is not None
            items = following.result()
            following = pool.submit(_items, tracks[number + 1]) if number + 1 < len(tracks) else None
            yield items


def _items(track: Track) -> list[Item]:
    """Return the recordings of a track, or why there are none."""
    try:
        sources = read_track(track)
    except BadTrack as error:
        return [Rejection(make_id(track.name), str(error), track.subset)]
    marks = flags(sources)
    return [Record(recording_id(track, name), pcm, SAMPLE_RATE, track.subset, marks) for name, pcm in sources.items()]


def _describe(rows: pa.Table, known: dict[str, tuple[Track, str]]) -> pa.Table:
    """Return the rows with the columns of `COLUMNS`."""
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
