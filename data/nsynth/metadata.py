"""Reads the metadata of NSynth (`examples.json`) of any size, one note at a time, and checks every field."""

import reprlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import ijson
import pyarrow as pa

from data.errors import InputError
from data.files.names import is_id
from data.nsynth.dataset import FAMILIES, INSTRUMENTS, LABELS, PITCHES, QUALITIES, SOURCES, VELOCITIES

_LARGEST_ENTRY = 1 << 20  # bytes of JSON for one note
_DEEPEST = 32  # levels of nesting in JSON
_LONGEST_NAME = 256  # characters of the name of an instrument


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
