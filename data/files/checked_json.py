"""Reads and writes JSON objects that hold their own checksum, so that a changed value is never taken for a result.

    {"checksum": "sha256-of-the-rest:5c1e…", "stride": 256}

The checksum is taken of the values, not of the text: spaces and the order of the names do not matter. An object without
a checksum, as earlier versions wrote, is read unchecked. Since an object counts as one with a checksum if its text
holds the name of the entry or the beginning of its value, no single fault makes it one without.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.files.durable import parse_json, write_json

CHECKSUM = "checksum"
_BEGINNING = "sha256-of-the-rest:"


def write_checked_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with its checksum to `path`, atomically.

    Args:
        path: the file.
        value: values by name, without an entry "checksum", which is added.

    Raises:
        ValueError: `value` contains NaN or infinity, or an entry "checksum".

    Example:
        >>> write_checked_json(Path("model.json"), {"stride": 256})
        >>> read_checked_json(Path("model.json"))
        {'stride': 256}
    """
    write_json(path, with_checksum(value))


def read_checked_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON object without its checksum, after comparing the two.

    Raises:
        InputError: it is missing, is not a JSON object, or its content is not what was written; the message names it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_checked(content, path)


def with_checksum(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return values, as they will be read from JSON, with their checksum; see `write_checked_json`."""
    if CHECKSUM in value:
        raise ValueError(f"{CHECKSUM!r} is the name of the checksum; choose another one")
    plain = json.loads(json.dumps(value))  # lists for tuples, text for names
    return {**plain, CHECKSUM: _checksum(plain)}


def parse_checked(content: bytes, place: Path) -> dict[str, Any]:
    """Return the values in the text of a JSON object without its checksum, after comparing the two.

    Args:
        content: the text, in UTF-8.
        place: path of the file that it stands in, for the error message.

    Raises:
        InputError: it is not a JSON object, or its content is not what was written.
    """
    value = parse_json(content, place)
    if not isinstance(value, dict):
        raise InputError(f"{place}: not a JSON object; it is damaged, or another file")
    found = value.pop(CHECKSUM, None)
    if (found is not None or _BEGINNING.encode() in content) and found != _checksum(value):
        raise InputError(f"{place}: its content is not what was written; its checksum tells")
    return value


def _checksum(value: Any) -> str:
    """Return the checksum of JSON values."""
    return _BEGINNING + hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
