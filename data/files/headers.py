"""Reads what the headers of WAV and MP3 files say about their length, and how far that can be believed.

A program that writes a WAV to a pipe cannot go back to fill in the length: it leaves 0 or a number near the largest.
An MP3 states its length only in a frame with the mark "Xing" or "Info"; without it the length is estimated from the
size of the file, which is wrong where the bit rate varies. libsndfile believes both.
"""

import io
import re
import struct
from typing import BinaryIO

from data.files.regular import UnreadableFile

_HEADER = 10  # bytes of the header of an ID3v2 tag
_FRAME = 512  # bytes from the first frame of an MP3 in which its marks lie
# Values of the size of a WAV's sound that stand for "unknown": sox writes 0x7FFFF000, others the largest numbers.
_UNKNOWN_FROM = 0xFFFFFF00
_UNKNOWN = frozenset({0x7FFFF000, 0x7FFFFFFF, 0x80000000})
# What libsndfile notes of an AIFF, AU, W64 or RF64 whose sizes do not fit; small differences are mistakes of writers.
_NOTED = re.compile(r": (\d+) \(should be (\d+)\)")
_MISTAKE = 64  # bytes


class UnreadableAudio(UnreadableFile):
    """The bytes are not a complete audio file with finite samples."""


def wav_is_open_ended(file: BinaryIO) -> bool:
    """Return whether a file is a WAV that was written to a pipe, so that its sound goes on to the end of the file.

    Args:
        file: a file of any format, open for reading; it is left at its beginning.

    Raises:
        UnreadableAudio: the file is empty, or a WAV without samples or shorter than its header promises.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(12)
    if not start:
        raise UnreadableAudio("empty file")
    open_ended = False
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
        promised = _data_length(file, size)
        found = size - file.tell()
        if promised == 0:
            if _only_chunks(file, size):
                raise UnreadableAudio("holds no samples")
            open_ended = True
        elif promised > found:
            open_ended = promised in _UNKNOWN or promised >= _UNKNOWN_FROM
            if not open_ended:
                raise UnreadableAudio(f"truncated: {promised} bytes of sound promised, {found} found")
    file.seek(0)
    return open_ended


def check_noted_sizes(notes: str) -> None:
    """Check the sizes that libsndfile noted while it opened a file; it reads a truncated AIFF without an error.

    Args:
        notes: its log (`soundfile.SoundFile.extra_info`).

    Raises:
        UnreadableAudio: the file is shorter than its header promises.
    """
    for promised, found in ((int(one), int(other)) for one, other in _NOTED.findall(notes)):
        if found + _MISTAKE < promised < 0x7F000000:  # from there on it stands for "unknown"
            raise UnreadableAudio(f"truncated: {promised} bytes promised, {found} found")


def _data_length(file: BinaryIO, size: int) -> int:
    """Return the bytes of audio that the header of a WAV of `size` bytes declares; leaves the file where they begin."""
    while file.tell() + 8 <= size:
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            return length
        file.seek(length + length % 2, io.SEEK_CUR)  # chunks are padded to even lengths
    raise UnreadableAudio("truncated: the WAV holds no sound")


def _only_chunks(file: BinaryIO, size: int) -> bool:
    """Return whether the rest of a file is a sequence of whole chunks, as behind a WAV that really holds no sound."""
    while file.tell() + 8 <= size:
        name, length = struct.unpack("<4sI", file.read(8))
        if not name.isascii() or not name.decode("ascii").isprintable():
            return False
        file.seek(length + length % 2, io.SEEK_CUR)
    return abs(file.tell() - size) <= 1  # the last padding byte is often missing


def mpeg_begin(file: BinaryIO) -> bytes | None:
    """Return the first bytes of the first frame of an MP1, MP2 or MP3 file, None for another format.

    Tags of the form ID3v2 before it are skipped, whatever their size.

    Args:
        file: a file, open for reading; it is left at its beginning.
    """
    file.seek(0)
    place = 0
    while (begin := file.read(_FRAME))[:3] == b"ID3" and len(begin) >= _HEADER:
        a, b, c, d = begin[6:_HEADER]  # 7 bits each
        place += _HEADER + (a << 21 | b << 14 | c << 7 | d) + (_HEADER if begin[5] & 0x10 else 0)
        file.seek(place)
    file.seek(0)
    is_mpeg = len(begin) >= 4 and begin[0] == 0xFF and begin[1] & 0xE0 == 0xE0 and begin[1] & 0x06
    return begin if is_mpeg else None


def mpeg_length(begin: bytes) -> tuple[int, int] | None:
    """Return the number of samples that an MP3 states exactly, and the samples of a frame; None if it states none.

    Args:
        begin: the first bytes of its first frame (`mpeg_begin`).
    """
    place = max(begin.find(b"Xing", 4, 64), begin.find(b"Info", 4, 64))
    if place < 0 or len(begin) < place + 144:
        return None
    flags, frames = struct.unpack(">II", begin[place + 4 : place + 12])
    if not flags & 1:
        return None
    per_frame = 1152 if begin[1] & 0x18 == 0x18 else 576
    encoder = begin[place + 120 : place + 144]  # delay and padding, 12 bits each, if all four fields precede
    trimmed = 0
    if flags & 0xF == 0xF and encoder[:4] in (b"LAME", b"Lavf", b"Lavc"):
        both = int.from_bytes(encoder[21:24], "big")
        trimmed = (both >> 12) + (both & 0xFFF)
    return frames * per_frame - trimmed, per_frame
