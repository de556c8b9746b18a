"""Describes NSynth: where to find it, its labels and their ranges, and the split used by SING.

NSynth (Engel et al. 2017, arXiv 1704.01279): 305,979 notes of 1,006 instruments, 4 s each, 16 kHz mono 16-bit: 3 s held
and 1 s of decay. Peaks are normalised, so the level does not depend on the velocity. On disk:
`nsynth-<part>/examples.json` (one object keyed by note name) and `nsynth-<part>/audio/<note name>.wav`, as a folder
or as an archive `.jsonwav.tar.gz`.

There are two splits with different purposes. The official one separates *instruments*. SING learns an embedding per
instrument and cannot play unseen ones, so it splits the official training part by *(instrument, pitch)* instead
(`completion_split`); its splits share instruments on purpose.
"""

import hashlib
import os
import random
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import ijson
import pyarrow as pa

from data.errors import InputError
from data.files.download import Remote, fetch
from data.files.names import is_id
from data.files.regular import is_clutter, printable, state
from data.progress import Listener, ignore

LICENCE = "CC BY 4.0"
CITATION = "Engel et al., Neural Audio Synthesis of Musical Notes with WaveNet Autoencoders, ICML 2017"
SAMPLE_RATE = 16_000
FRAMES = 64_000
INSTRUMENTS = 1_006
PITCHES = 121
VELOCITIES = (25, 50, 75, 100, 127)
KEYBOARD = range(21, 109)
_LARGEST_ENTRY = 1 << 20  # bytes of JSON for one note
_DEEPEST = 32  # levels of nesting in JSON
_LONGEST_NAME = 256  # characters of the name of an instrument
FAMILIES = (
    "bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal",
)  # fmt: skip
SOURCES = ("acoustic", "electronic", "synthetic")
QUALITIES = (
    "bright", "dark", "distortion", "fast_decay", "long_release", "multiphonic", "nonlinear_env", "percussive",
    "reverb", "tempo-synced",
)  # fmt: skip

_HOST = "http://download.magenta.tensorflow.org/datasets/nsynth/"
# The publisher gives no sizes or checksums; the gzip CRC is verified while ingesting.
OFFICIAL = {
    part: Remote(f"{_HOST}nsynth-{part}.jsonwav.tar.gz", magic=b"\x1f\x8b") for part in ("train", "valid", "test")
}

LABELS = pa.schema(
    [
        ("note", pa.int64()),
        ("instrument", pa.int32()),
        ("instrument_name", pa.string()),
        ("pitch", pa.int32()),
        ("velocity", pa.int32()),
        ("family", pa.string()),
        ("source", pa.string()),
        ("qualities", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class Part:
    """One part of NSynth on disk.

    Attributes:
        name: name of the part, such as "nsynth-train".
        path: folder that contains `examples.json` and `audio/`, or an archive.
    """

    name: str
    path: Path

    @property
    def is_archive(self) -> bool:
        """Whether the part is an archive."""
        return self.path.is_file()

    def wav_files(self) -> list[Path]:
        """Return what is named .wav in the folder of the part, sorted: also pipes, links to nothing and folders."""
        some = ((self.path / "audio") / name for name in os.listdir(self.path / "audio") if not is_clutter(name))
        return sorted(path for path in some if path.suffix.lower() == ".wav")


def locate(location: str, downloads: Path, listener: Listener = ignore) -> list[Part]:
    """Return the parts of NSynth at `location`; a remote archive is downloaded first.

    Args:
        location: folder (of one part, or of several parts or archives), archive, URL of an archive, or "official" for
            the publisher's training archive.
        downloads: folder for downloaded archives.
        listener: callback that receives progress reports of the download.

    Raises:
        InputError: there is no NSynth data at `location`, or it cannot be downloaded; the message says what was
            expected.

    Example:
        >>> parts = locate("official", Path("downloads"), listener=print)
    """
    if not is_remote(location):
        return find_parts(location)
    if location == "official":
        remote = OFFICIAL["train"]
        return [Part("nsynth-train", fetch(remote, downloads / "nsynth-train.jsonwav.tar.gz", listener=listener))]
    name = Path(location.split("?", maxsplit=1)[0]).name
    if not name.endswith(".tar.gz") or not is_id(name.removesuffix(".tar.gz").replace(".", "-")):
        raise InputError(f"{location}: the URL must end in a plain NAME.jsonwav.tar.gz")
    # Archives of two servers may have the same name.
    folder = downloads / hashlib.sha256(location.encode()).hexdigest()[:12]
    path = fetch(Remote(location, magic=b"\x1f\x8b"), folder / name, listener=listener)
    return [Part(_part_name(path), path)]


def is_remote(location: str) -> bool:
    """Return whether a location must be downloaded: "official" or a URL."""
    return location == "official" or location.startswith(("http://", "https://"))


def find_parts(location: str) -> list[Part]:
    """Return the parts of NSynth in a local folder or archive, sorted by name.

    Raises:
        InputError: there is no NSynth data, or a part exists twice; the message says what was expected.
    """
    path = Path(location).expanduser()
    found = sorted(_parts_in(path), key=lambda part: part.name)
    if not found:
        raise InputError(
            f"{path}: no NSynth here; expected a folder with examples.json and audio/, "
            "folders or .jsonwav.tar.gz archives of that kind inside it, or such an archive"
        )
    for one, other in pairwise(found):
        if one.name == other.name:
            raise InputError(
                f"{printable(path)}: the part {one.name} is there as {printable(one.path.name)} and as "
                f"{printable(other.path.name)}; remove one"
            )
    return found


def source_version(parts: Sequence[Part]) -> str:
    """Return a hash over names, sizes and modification times of the files of the parts, not over their contents.

    It detects a changed source without reading it.
    """
    digest = hashlib.sha256()
    for part in parts:
        files = [part.path] if part.is_archive else [part.path / "examples.json", *part.wav_files()]
        for path in sorted(files):
            digest.update(f"{printable(part.name)}/{printable(path.name)} {state(path)}\n".encode())
    return digest.hexdigest()


def _part_name(path: Path) -> str:
    """Return the name of a part from its file name: everything before the first dot."""
    return path.name.split(".")[0]


def _parts_in(path: Path) -> Iterable[Part]:
    """Yield the parts at `path` or directly below it."""
    inside = sorted(one for one in path.iterdir() if not is_clutter(one.name)) if path.is_dir() else []
    for candidate in [path, *inside]:
        is_folder = (candidate / "examples.json").is_file() and (candidate / "audio").is_dir()
        if is_folder or (candidate.is_file() and candidate.name.endswith(".tar.gz")):
            yield Part(_part_name(candidate), candidate)


class Readable(Protocol):
    """Anything with a binary `read`, such as an open file."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` bytes, b"" at the end."""
        ...


@dataclass
class Metadata:
    """The labels of one part.

    Attributes:
        table: one row per valid note, with the columns id and `LABELS`.
        faults: (id, reason) of every invalid note.
    """

    table: pa.Table
    faults: list[tuple[str, str]] = field(default_factory=list)


def read_metadata(stream: Readable, name: str) -> Metadata:
    """Read an `examples.json` of any size, one note at a time.

    Args:
        stream: the file, open for reading.
        name: name of the file in error messages.

    Returns:
        A row for every valid note, and (id, reason) for every invalid one: an unsafe or repeated key, or a missing or
        wrong field. A repeated key is listed as invalid and its first occurrence keeps its row.

    Raises:
        InputError: the content is not a JSON object, is nested more than 32 deep, or one note takes more than 1 MiB.

    Example:
        >>> with open("nsynth-test/examples.json", "rb") as file:
        ...     labels = read_metadata(file, "examples.json").table
    """
    columns: dict[str, list[Any]] = {"id": [], **{name: [] for name in LABELS.names}}
    faults, seen = [], set()
    try:
        for key, value in _entries(_Bounded(stream, name), name):
            reason = "named twice in the metadata" if key in seen else _fault(key, value)
            seen.add(key)
            if reason:
                faults.append((key[:_LONGEST_NAME], reason))
                continue
            columns["id"].append(key)
            for label, read in _READERS.items():
                columns[label].append(read(value))
    except (ijson.JSONError, UnicodeDecodeError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{name}: no readable JSON ({said}); unpack or fetch it again") from error
    return Metadata(pa.table(columns, schema=pa.schema([("id", pa.string()), *LABELS])), faults)


def _entries(stream: "_Bounded", name: str) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a JSON object as they are read.

    Raises:
        InputError: it is no object, or nested too deep; the message names the file.
    """
    depth, key, builder = 0, "", None
    for event, value in ijson.basic_parse(stream, use_float=True):
        depth += event in ("start_map", "start_array")
        if depth > _DEEPEST:
            raise InputError(f"{name}: nested more than {_DEEPEST} deep; unpack or fetch it again")
        if depth == 1 and event == "map_key":
            key, builder = value, ijson.ObjectBuilder()
            continue
        depth -= event in ("end_map", "end_array")
        if builder is None and event not in ("start_map", "end_map"):
            raise InputError(f"{name}: no JSON object of notes; unpack or fetch it again")
        if builder is not None:
            builder.event(event, value)
            if depth == 1:
                yield key, builder.value
                stream.since, builder = 0, None


class _Bounded:
    """A stream of JSON of which one note may take 1 MiB; so texts have a limit too.

    Attributes:
        since: bytes that were read since the last note; the caller sets it to 0 at each note.
    """

    def __init__(self, stream: Readable, name: str) -> None:
        self._stream, self._name, self.since = stream, name, 0

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes, b"" at the end.

        Raises:
            InputError: the limit is reached; the message names the file.
        """
        if self.since > _LARGEST_ENTRY:
            raise InputError(f"{self._name}: one note takes more than {_LARGEST_ENTRY:,} bytes; fetch it again")
        content = self._stream.read(size)
        self.since += len(content)
        return content


_READERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "note": lambda value: value["note"],
    "instrument": lambda value: value["instrument"],
    "instrument_name": lambda value: value["instrument_str"],
    "pitch": lambda value: value["pitch"],
    "velocity": lambda value: value["velocity"],
    "family": lambda value: FAMILIES[value["instrument_family"]],
    "source": lambda value: SOURCES[value["instrument_source"]],
    "qualities": lambda value: [name for name, has in zip(QUALITIES, value["qualities"], strict=True) if has],
}
_RANGES = {
    "note": range(1 << 62),
    "instrument": range(INSTRUMENTS),
    "pitch": range(PITCHES),
    "velocity": VELOCITIES,
    "instrument_family": range(len(FAMILIES)),
    "instrument_source": range(len(SOURCES)),
}


def _fault(key: str, value: Any) -> str | None:
    """Return what is wrong with one note of the metadata, or None."""
    if not is_id(key):
        return "its name holds other characters than letters, digits, '_' and '-'"
    if not isinstance(value, dict):
        return "its metadata is no object"
    for name, allowed in _RANGES.items():
        if type(found := value.get(name)) is not int or found not in allowed:
            return f"{name} is {reprlib.repr(found)}" if name in value else f"{name} is missing"
    instrument, qualities = value.get("instrument_str"), value.get("qualities")
    if not isinstance(instrument, str) or len(instrument) > _LONGEST_NAME:
        return f"instrument_str is {reprlib.repr(instrument)}"
    if not isinstance(qualities, list) or len(qualities) != len(QUALITIES):
        return f"qualities is {reprlib.repr(qualities)}"
    return None


def completion_split(names: Sequence[str], instruments: Sequence[int], pitches: Sequence[int]) -> list[str]:
    """Return "train", "valid" or "test" for each note: SING's completion split, exactly as its authors draw it.

    Names are visited in lexicographic order. Every new (instrument, pitch) pair draws one number from Python's
    Mersenne Twister with seed 42: below 0.1 the pair is "valid", below 0.2 "test", otherwise "train". The velocities
    of a pair stay in one split because most of them sound nearly the same.

    Args:
        names: note names.
        instruments: instrument number of each note.
        pitches: pitch of each note, MIDI.
    """
    generator = random.Random(42)
    drawn: dict[tuple[int, int], str] = {}
    result = [""] * len(names)
    for position in sorted(range(len(names)), key=names.__getitem__):
        pair = (instruments[position], pitches[position])
        if pair not in drawn:
            number = generator.random()
            drawn[pair] = "valid" if number < 0.1 else "test" if number < 0.2 else "train"
        result[position] = drawn[pair]
    return result


def released_subset(test_names: Sequence[str], size: int = 100) -> list[str]:
    """Return the notes of SING's listening tests: `size` of the sorted test notes, shuffled with seed 42.

    With the metadata of the real NSynth this gives the authors' published list of 100 names in the same order. That
    list is the only proof that a split equals theirs.
    """
    order = list(range(len(test_names)))
    random.Random(42).shuffle(order)
    names = sorted(test_names)
    return [names[position] for position in order[:size]]
