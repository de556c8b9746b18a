"""Reads NSynth parts into shards: every note is checked, then stored or quarantined with a reason.

    folder ─ sorted files ┐                                    ┌ record ── shard
                          ├─ ranges of entries ─ decode, check ┤
    tar.gz ─ unpacked ────┘                      (by several   └ rejection ─ quarantine
             (by a separate process)             processes)

An archive is read once from beginning to end, because it can be unpacked in no other way; nothing is unpacked to disk.
What was read is dealt out in ranges of 32 notes, and what comes back is written in order by this process. So the bytes
do not depend on the number of processes, and memory holds three ranges, of 4 MiB each, for each of them. The labels
come from `examples.json`, at any position in the archive, and are joined to the index at the end; a WAV without
metadata or metadata without a WAV is then quarantined.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from math import log10
from pathlib import Path, PurePosixPath

import numpy as np

from data.decoding import decoding
from data.execution import Execution
from data.files.archive import members
from data.files.audio import Pcm, decode, resample, to_float, to_pcm16
from data.files.names import is_id, make_id
from data.files.regular import UnreadableFile, is_clutter, printable, read_regular, without_name
from data.files.tables import read_table
from data.nsynth.dataset import FRAMES, SAMPLE_RATE, Part
from data.nsynth.labels import Labels, keep_metadata, metadata_path
from data.nsynth.metadata import read_metadata
from data.processes import map_in_order
from data.progress import Progress
from data.shards.quality import defect, flags
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE, SHARD_BYTES, Item, Record, Rejection, ShardWriter, is_committed

_LARGEST_NOTE = 4 << 20  # bytes of a WAV; of a larger one no more is read from an archive
_LONGEST_NOTE = 1 << 22  # samples; a recording up to this length is rejected with its length as the reason
_RANGE = 32  # notes that one process is given at a time
_RANGE_BYTES = 4 << 20  # a range ends earlier if it holds as much


@dataclass(frozen=True)
class Entry:
    """A WAV file of the source, not decoded yet.

    Attributes:
        id: the file name without its ending, or an id made from it.
        part: name of the NSynth part.
        content: bytes of the file, or its path if it is still to be read; None if `fault` is known already.
        fault: why the file cannot be used, "" if nothing is known.
    """

    id: str
    part: str
    content: bytes | Path | None
    fault: str = ""


def ingest(
    execution: Execution, parts: Sequence[Part], shard_bytes: int = SHARD_BYTES, *, convert: bool = False
) -> None:
    """Write the notes of `parts` as shards; if it is killed and called again, it resumes and produces the same bytes.

    Args:
        execution: output folder of the shards, listener, and number of processes, which share out the notes.
        parts: parts of NSynth to read (`dataset.locate`).
        shard_bytes: size in bytes from which a shard is finished and the next one begins.
        convert: whether notes of another sample rate, length or number of channels are brought into NSynth's form:
            channels averaged, resampled, cut or padded with zeros to 4 s. They are flagged "converted".

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
        ranges = _ranges(_entries(parts, folder, writer.consumed))
        with closing(map_in_order(partial(_checked, convert=convert), ranges, execution.workers)) as checked:
            for item in chain.from_iterable(checked):
                writer.add(item)
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
    return sum(len(part.wav_files()) for part in parts)


def _entries(parts: Sequence[Part], folder: Path, skip: int) -> Iterator[Entry]:
    """Yield the WAV files of all parts after the first `skip`; metadata found on the way is stored in `folder`."""
    seen: set[str] = set()
    number = 0
    for part in parts:
        source = _archive_files(part, folder) if part.is_archive else _folder_files(part, folder)
        for name, read in source:
            stem = PurePosixPath(name).stem
            number += 1
            shown = printable(name)
            fault = "" if is_id(stem) else f"file name '{shown}' holds other characters than letters, digits, '_', '-'"
            if stem in seen:
                fault = "two files of this name"
            seen.add(stem)
            if number > skip:
                content = None if fault else read()
                yield Entry(stem if is_id(stem) else make_id(name), part.name, content, fault)


def _ranges(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield the entries in lists of `_RANGE`, shorter where they hold more than `_RANGE_BYTES`."""
    found: list[Entry] = []
    size = 0
    for entry in entries:
        found.append(entry)
        size += len(entry.content) if isinstance(entry.content, bytes) else 0
        if len(found) == _RANGE or size >= _RANGE_BYTES:
            yield found
            found, size = [], 0
    if found:
        yield found


def _folder_files(part: Part, folder: Path) -> Iterator[tuple[str, Callable[[], Path]]]:
    """Yield the name of each WAV file of a folder, sorted, and a function that returns its path."""
    if not metadata_path(folder, part).is_file():
        with open(part.path / "examples.json", "rb") as stream:
            keep_metadata(read_metadata(stream, str(part.path / "examples.json")), folder, part)
    for path in part.wav_files():
        yield path.name, lambda path=path: path


def _read_note(path: Path) -> bytes:
    """Return the content of a note's file.

    Raises:
        UnreadableFile: it is no regular file, too large or cannot be read; the message does not name it.
    """
    try:
        return read_regular(path, _LARGEST_NOTE)
    except UnreadableFile as error:
        raise without_name(error, path) from error


def _archive_files(part: Part, folder: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Yield the name and a reader of each WAV file of an archive, in the order of the archive."""
    for member in members(part.path):
        name = PurePosixPath(member.name).name
        if name == "examples.json" and not metadata_path(folder, part).is_file():
            keep_metadata(read_metadata(member.stream, f"{part.path}: {member.name}"), folder, part)
        elif name.lower().endswith(".wav") and not is_clutter(name):
            stream, size = member.stream, min(member.size, _LARGEST_NOTE + 1)
            yield name, lambda stream=stream, size=size: stream.read(size)


def _checked(entries: Sequence[Entry], *, convert: bool) -> list[Item]:
    """Decode WAV files and check that they are NSynth notes; return records with flags, and rejections, in order."""
    return [_checked_one(entry, convert=convert) for entry in entries]


def _checked_one(entry: Entry, *, convert: bool) -> Item:
    """Decode one WAV file and check that it is an NSynth note; return a record with flags, or a rejection."""
    if entry.content is None:
        return Rejection(entry.id, entry.fault, entry.part)
    try:
        content = _read_note(entry.content) if isinstance(entry.content, Path) else entry.content
        if len(content) > _LARGEST_NOTE:
            return Rejection(entry.id, f"more than {_LARGEST_NOTE:,} bytes; a note has 128,044", entry.part)
        with decoding(f"{entry.part}/{entry.id}"):
            pcm = decode(content, _LONGEST_NOTE)
    except UnreadableFile as error:
        return Rejection(entry.id, str(error), entry.part)
    marks = [] if pcm.gain == 1.0 else [f"scaled by {20 * log10(pcm.gain):.1f} dB"]
    if convert and _differences(pcm):
        pcm = _converted(pcm)
        marks.append("converted")
    if differences := _differences(pcm):
        return Rejection(entry.id, differences[0], entry.part)
    if reason := defect(pcm.samples[:, 0]):
        return Rejection(entry.id, reason, entry.part)
    marks = sorted([*flags(pcm.samples[:, 0]), *marks])
    digest = hashlib.sha256(content).hexdigest()
    return Record(entry.id, pcm.samples, SAMPLE_RATE, entry.part, marks, digest)


def _differences(pcm: Pcm) -> list[str]:
    """Return in what a note differs from the form of NSynth, such as "44100 Hz, expected 16000"."""
    expected = {
        "Hz": (pcm.sample_rate, SAMPLE_RATE),
        "channels": (pcm.channels, 1),
        "samples": (len(pcm.samples), FRAMES),
    }
    return [f"{found} {unit}, expected {wanted}" for unit, (found, wanted) in expected.items() if found != wanted]


def _converted(pcm: Pcm) -> Pcm:
    """Return a note in the form of NSynth: one channel, 16 kHz, 4 s."""
    wave = resample(to_float(pcm.samples).mean(1), pcm.sample_rate, SAMPLE_RATE)[:FRAMES]
    return Pcm(to_pcm16(np.pad(wave, (0, FRAMES - len(wave))))[:, None], SAMPLE_RATE, pcm.gain)
