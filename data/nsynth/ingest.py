"""Reads NSynth parts into shards: every note is checked, then stored or quarantined with a reason.

    folder ─ sorted files ┐                        ┌ record ── shard
                          ├─ entry ─ decode, check ┤
    tar.gz ─ unpacked ────┘                        └ rejection ─ quarantine
             (by a separate process)

An archive is read once from beginning to end; nothing is unpacked to disk, and memory holds one note at a time. One
thread does the rest, because several would compete for the interpreter lock. The labels come from `examples.json`, at
any position in the archive, and are joined to the index at the end; a WAV without metadata or metadata without a WAV
is then quarantined.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.execution import Execution
from data.files.archive import members
from data.files.audio import UnreadableAudio, decode
from data.files.names import is_id, make_id
from data.files.tables import read_table
from data.nsynth.dataset import FRAMES, SAMPLE_RATE, Part, read_metadata
from data.nsynth.labels import Labels, keep_metadata, metadata_path
from data.progress import Progress
from data.shards.quality import defect, flags
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE, SHARD_BYTES, Item, Record, Rejection, ShardWriter, is_committed

_LARGEST_NOTE = 1 << 20  # bytes of a WAV; of a larger one no more is read from an archive
_LONGEST_NOTE = 1 << 22  # samples; a recording up to this length is rejected with its length as the reason


@dataclass(frozen=True)
class Entry:
    """A WAV file of the source, not decoded yet.

    Attributes:
        id: the file name without its ending, or an id made from it.
        part: name of the NSynth part.
        content: bytes of the file, None if `fault` is known already.
        fault: why the file cannot be used, "" if nothing is known.
    """

    id: str
    part: str
    content: bytes | None
    fault: str = ""


def ingest(execution: Execution, parts: Sequence[Part], shard_bytes: int = SHARD_BYTES) -> None:
    """Write the notes of `parts` as shards; if it is killed and called again, it resumes and produces the same bytes.

    Args:
        execution: output folder of the shards, and listener.
        parts: parts of NSynth to read (`dataset.locate`).
        shard_bytes: size in bytes from which a shard is finished and the next one begins.

    Raises:
        InputError: a part has no metadata, an archive is damaged, or there is no usable note.

    Example:
        >>> ingest(Execution(Path("shards")), locate("nsynth-train.jsonwav.tar.gz", Path("downloads")))
    """
    folder = execution.folder
    if not is_committed(folder):
        writer = ShardWriter(folder, shard_bytes)
        progress = Progress("ingest", total=_count(parts), unit="notes", listener=execution.listener)
        progress.skip(writer.consumed)
        for entry in _entries(parts, folder, writer.consumed):
            writer.add(_checked(entry))
            progress.advance()
        labels = Labels(parts, folder, writer)
        writer.commit(labels.join, labels.without_sound(), parts=[part.name for part in parts])
        progress.finish()
    for part in parts:
        metadata_path(folder, part).unlink(missing_ok=True)


def describe(folder: Path) -> dict[str, int | float]:
    """Return the numbers of notes (also per split), instruments, hours, shards and so on of an ingested folder."""
    shards = Shards(folder)
    splits = Counter(shards.column("split").tolist())
    return {
        "notes": len(shards),
        "instruments": len(set(shards.column("instrument").tolist())),
        "hours": round(len(shards) * FRAMES / SAMPLE_RATE / 3600, 3),
        "train": splits["train"],
        "valid": splits["valid"],
        "test": splits["test"],
        "quarantined": len(read_table(folder / QUARANTINE)),
        "shards": len(shards.metadata["shards"]),
        "bytes": sum(one["bytes"] for one in shards.metadata["shards"]),
    }


def _count(parts: Sequence[Part]) -> int | None:
    """Return how many notes there are, or None if a part is an archive."""
    if any(part.is_archive for part in parts):
        return None
    return sum(1 for part in parts for path in (part.path / "audio").iterdir() if path.suffix.lower() == ".wav")


def _entries(parts: Sequence[Part], folder: Path, skip: int) -> Iterator[Entry]:
    """Yield the WAV files of all parts after the first `skip`; metadata found on the way is stored in `folder`."""
    seen: set[str] = set()
    number = 0
    for part in parts:
        source = _archive_files(part, folder) if part.is_archive else _folder_files(part, folder)
        for name, read in source:
            stem = PurePosixPath(name).stem
            number += 1
            fault = "" if is_id(stem) else f"file name {name!r} holds other characters than letters, digits, '_', '-'"
            if stem in seen:
                fault = "two files of this name"
            seen.add(stem)
            if number > skip:
                yield Entry(stem if is_id(stem) else make_id(name), part.name, None if fault else read(), fault)


def _folder_files(part: Part, folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the name and a reader of each WAV file of a folder, sorted."""
    if not metadata_path(folder, part).is_file():
        with open(part.path / "examples.json", "rb") as stream:
            keep_metadata(read_metadata(stream, str(part.path / "examples.json")), folder, part)
    for path in sorted((part.path / "audio").iterdir()):
        if path.suffix.lower() == ".wav":
            yield path.name, path.read_bytes


def _archive_files(part: Part, folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the name and a reader of each WAV file of an archive, in the order of the archive."""
    for member in members(part.path):
        name = PurePosixPath(member.name).name
        if name == "examples.json" and not metadata_path(folder, part).is_file():
            keep_metadata(read_metadata(member.stream, f"{part.path}: {member.name}"), folder, part)
        elif name.lower().endswith(".wav"):
            stream, size = member.stream, min(member.size, _LARGEST_NOTE + 1)
            yield name, lambda stream=stream, size=size: stream.read(size)


def _checked(entry: Entry) -> Item:
    """Decode one WAV file and check that it is an NSynth note; return a record with flags, or a rejection."""
    if entry.content is None:
        return Rejection(entry.id, entry.fault, entry.part)
    if len(entry.content) > _LARGEST_NOTE:
        return Rejection(entry.id, f"more than {_LARGEST_NOTE:,} bytes; a note has 128,044", entry.part)
    try:
        pcm = decode(entry.content, _LONGEST_NOTE)
    except UnreadableAudio as error:
        return Rejection(entry.id, str(error), entry.part)
    expected = {
        "Hz": (pcm.sample_rate, SAMPLE_RATE),
        "channels": (pcm.channels, 1),
        "samples": (len(pcm.samples), FRAMES),
    }
    for unit, (found, wanted) in expected.items():
        if found != wanted:
            return Rejection(entry.id, f"{found} {unit}, expected {wanted}", entry.part)
    if reason := defect(pcm.samples[:, 0]):
        return Rejection(entry.id, reason, entry.part)
    marks = flags(pcm.samples[:, 0])
    digest = hashlib.sha256(entry.content).hexdigest()
    return Record(entry.id, pcm.samples, SAMPLE_RATE, entry.part, marks, digest)
