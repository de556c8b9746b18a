"""Reads TensorFlow's checkpoint format (a "bundle"), without TensorFlow.

A bundle is an index (`NAME.index`) and a file of values (`NAME.data-00000-of-00001`). The index is a table in LevelDB's
format, which ends with a footer of 48 bytes: place of a block that is not needed here, place of the block of blocks,
and a magic number. A block is a list of keys and values, followed by its compression and a masked CRC-32C. Keys share
their beginning with the key before. The key is the name of a variable and the value a protobuf message: type (field 1),
shape (2), number of the data file (3), offset (4) and size (5) of the values in it. The empty key describes the bundle.

Bundles of one data file, without compression and in little-endian order are read, as Spleeter is published.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np

from data.errors import InputError

_MAGIC = 0xDB4775248B80FB57.to_bytes(8, "little")
_FOOTER, _TRAILER = 48, 5  # bytes
_MASK = 0xA282EAD8  # LevelDB adds it to the rotated checksum
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}  # numbers of TensorFlow's types
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protobuf


def read_bundle(index: bytes, values: bytes, place: str) -> dict[str, np.ndarray]:
    """Return the variables of a bundle by name, as they are stored.

    Args:
        index: content of the index file.
        values: content of the data file.
        place: where they came from, for error messages.

    Raises:
        InputError: the index is damaged or not in this format, or does not fit the data file.

    Example:
        >>> files = (Path(one).read_bytes() for one in ("model.index", "model.data-00000-of-00001"))
        >>> read_bundle(*files, "model")["conv2d/kernel"].shape
        (5, 5, 2, 16)
    """
    try:
        found = {}
        for key, message in _entries(index):
            name, fields = key.decode(), _fields(message)
            if not name:
                _check_header(fields)
            elif (kind := _number(fields, 1)) not in _TYPES:
                raise ValueError(f"variable {name!r} of type {kind}")
            else:
                found[name] = _values(fields, np.dtype(_TYPES[kind]), values, name)
    except (ValueError, IndexError) as error:
        raise InputError(f"{place}: no readable TensorFlow bundle ({error}); fetch it again") from error
    return found


def _check_header(fields: dict[int, list[int | bytes]]) -> None:
    """Raise ValueError if the bundle has several data files, or is not little-endian."""
    if (files := _number(fields, 1)) != 1 or _number(fields, 2):
        raise ValueError(f"{files} data files, or big-endian; one of little-endian values is read")


def _values(fields: dict[int, list[int | bytes]], kind: np.dtype, values: bytes, name: str) -> np.ndarray:
    """Return the values of a variable."""
    dimensions = [_fields(one) for one in _fields(_message(fields, 2)).get(2, []) if isinstance(one, bytes)]
    shape = [_number(one, 1) for one in dimensions]
    start, size = _number(fields, 4), _number(fields, 5)
    if size != kind.itemsize * int(np.prod(shape, dtype=object)) or start + size > len(values):
        raise ValueError(f"variable {name!r}: shape {shape} in bytes {start} to {start + size} of {len(values)}")
    return np.frombuffer(values, kind, size // kind.itemsize, start).reshape(shape)


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a LevelDB table.

    Raises:
        ValueError: it is no such table, is damaged or compressed.
        IndexError: it ends too early.
    """
    if len(table) < _FOOTER or table[-8:] != _MAGIC:
        raise ValueError("its index does not end with LevelDB's magic number")
    footer = table[-_FOOTER:]
    _, position = _place(footer, 0)
    top, _ = _place(footer, position)
    for _, value in _block(table, *top):
        yield from _block(table, *_place(value, 0)[0])


def _place(buffer: bytes, position: int) -> tuple[tuple[int, int], int]:
    """Return the place (offset, size) of a block, and the position behind it."""
    offset, position = _varint(buffer, position)
    size, position = _varint(buffer, position)
    return (offset, size), position


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of the block at `offset`."""
    block, trailer = table[offset : offset + size], table[offset + size : offset + size + _TRAILER]
    if len(trailer) < _TRAILER or size < 4:
        raise ValueError("a block of its index lies beyond the end")
    if trailer[0]:
        raise ValueError("its index is compressed; save it without compression")
    if _masked(_crc32c(block + trailer[:1])) != int.from_bytes(trailer[1:], "little"):
        raise ValueError("the checksum of a block of its index is wrong")
    end = size - 4 * (1 + int.from_bytes(block[-4:], "little"))  # places to restart from, and their number
    key, position = b"", 0
    while position < end:
        shared, position = _varint(block, position)
        fresh, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + fresh]
        position += fresh
        yield key, block[position : position + length]
        position += length


def _fields(message: bytes) -> dict[int, list[int | bytes]]:
    """Return the fields of a protobuf message by number: integers, and bytes for texts and messages."""
    found: dict[int, list[int | bytes]] = {}
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        value: int | bytes
        if kind == _VARINT:
            value, position = _varint(message, position)
        elif kind in (_FIXED32, _FIXED64, _BYTES):
            size = {_FIXED32: 4, _FIXED64: 8}.get(kind, 0)
            if kind == _BYTES:
                size, position = _varint(message, position)
            value, position = message[position : position + size], position + size
        else:
            raise ValueError(f"a message with a field of kind {kind}")
        found.setdefault(number, []).append(value)
    return found


def _number(fields: dict[int, list[int | bytes]], number: int) -> int:
    """Return an integer field, 0 if it is absent, as protobuf has it."""
    value = fields.get(number, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {number} is no number")
    return value


def _message(fields: dict[int, list[int | bytes]], number: int) -> bytes:
    """Return a field that is a message, empty if it is absent."""
    value = fields.get(number, [b""])[-1]
    if not isinstance(value, bytes):
        raise ValueError(f"field {number} is no message")
    return value


def _varint(buffer: bytes, position: int) -> tuple[int, int]:
    """Return the integer of variable length at `position`, and the position behind it."""
    value = shift = 0
    while True:
        byte = buffer[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


@cache
def _table() -> list[int]:
    """Return the table of CRC-32C (Castagnoli's polynomial), bits reversed."""
    rows = []
    for byte in range(256):
        rest = byte
        for _ in range(8):
            rest = (rest >> 1) ^ (0x82F63B78 if rest & 1 else 0)
        rows.append(rest)
    return rows


def _crc32c(content: bytes) -> int:
    """Return the CRC-32C of some bytes."""
    table, rest = _table(), 0xFFFFFFFF
    for byte in content:
        rest = table[(rest ^ byte) & 0xFF] ^ (rest >> 8)
    return rest ^ 0xFFFFFFFF


def _masked(checksum: int) -> int:
    """Return a checksum as LevelDB stores it."""
    return (((checksum >> 15) | (checksum << 17)) + _MASK) & 0xFFFFFFFF
