"""Opens audio files of every supported format for reading forward in blocks.

libsndfile reads WAV, FLAC, AIFF, Ogg, CAF, W64 and others, FFmpeg the rest and whatever only seems to say its length:
MP3, WAV and FLAC that were written to a pipe.

Shapes: T samples, K channels.
"""

import io
import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from data.files.containers import ContainerReader
from data.files.headers import UnreadableAudio, check_noted_sizes, mpeg_begin, wav_is_open_ended
from data.files.regular import UnreadableFile, open_regular, printable

_LONGEST = 1 << 48  # samples; a FLAC without a length claims more
_EXACT = ("PCM_16", "PCM_S8", "PCM_U8")

# Endings of the names of audio files that are looked for in folders. A file with a given path may have any ending.
SUFFIXES = frozenset(
    [
        ".wav",
        ".wave",
        ".flac",
        ".mp3",
        ".mp2",
        ".ogg",
        ".oga",
        ".opus",
        ".aif",
        ".aiff",
        ".aifc",
        ".m4a",
        ".m4b",
        ".mp4",
        ".mov",
        ".3gp",
        ".aac",
        ".ac3",
        ".eac3",
        ".webm",
        ".mka",
        ".mkv",
        ".wma",
        ".asf",
        ".avi",
        ".ts",
        ".wv",
        ".tta",
        ".ape",
        ".tak",
        ".caf",
        ".w64",
        ".rf64",
        ".au",
        ".snd",
        ".amr",
    ]
)


def open_sound(source: Path | bytes) -> "SoundReader | ContainerReader":
    """Open an audio file of any supported format for reading forward in blocks; its length is exact.

    Args:
        source: path of a file, or the bytes of one.

    Raises:
        UnreadableAudio: the file is damaged, cut off, not audio, or holds no samples; the message names it.
        MissingFile: there is no such file.
        UnreadableFile: the path names no regular file, or the file cannot be read; the message names it.

    Example:
        >>> with open_sound(Path("song.m4a")) as song:
        ...     block = song.read(65_536)  # float32, (T, K)
    """
    if isinstance(source, bytes):
        return _open(partial(io.BytesIO, source), "")
    return _open(partial(open_regular, source), printable(source))


def _open(opener: Callable[[], BinaryIO], name: str) -> "SoundReader | ContainerReader":
    """Return the reader that can read a file; `opener` opens it, each time anew."""
    with opener() as file:
        try:
            by_ffmpeg = wav_is_open_ended(file) or mpeg_begin(file) is not None
        except UnreadableFile as error:
            raise UnreadableAudio(f"{name}: {error}" if name else str(error)) from error
    if not by_ffmpeg:
        with suppress(soundfile.SoundFileError, RuntimeError):
            return SoundReader(soundfile.SoundFile(_handle(opener())), name)
    return ContainerReader(opener, name)


def _handle(file: BinaryIO) -> "BinaryIO | int":
    """Return what libsndfile reads fastest: the descriptor of a file on disk, which it closes, or else the file."""
    if isinstance(file, io.BytesIO):
        return file
    with file:
        return os.dup(file.fileno())


class SoundReader:
    """Reads an audio file of any length forward, in blocks, with libsndfile. `open_sound` makes one.

    Attributes:
        frames: number of samples T per channel.
        sample_rate: sample rate in Hz.
        channels: number of channels K.
        exact: whether the samples have 16 bits or fewer, so that they can be read as int16 without rounding.
    """

    def __init__(self, file: soundfile.SoundFile, name: str) -> None:
        """Take over an open file.

        Raises:
            UnreadableAudio: it is shorter than its header promises; the message names it.
            RuntimeError: libsndfile does not know how long it is.
        """
        self._file, self._name = file, name
        try:
            if not 0 < file.frames < _LONGEST or "MPEG" in file.subtype:
                raise RuntimeError("of unknown length")
            check_noted_sizes(file.extra_info)
        except UnreadableAudio as error:
            raise self._error(str(error)) from error
        self.frames, self.sample_rate, self.channels = file.frames, file.samplerate, file.channels
        self.exact = file.subtype in _EXACT

    def __enter__(self) -> "SoundReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, count: int, dtype: str = "float32") -> np.ndarray:
        """Return the next samples as `dtype`, "float32", "float64" or "int16", (at most `count`, K); (0, K) at the end.

        Raises:
            UnreadableAudio: the file is shorter than declared, or holds NaN or infinite samples; the message names it.
        """
        before = self._file.tell()
        try:
            samples = self._file.read(count, dtype=dtype, always_2d=True)  # pyright: ignore[reportArgumentType]
        except (soundfile.SoundFileError, RuntimeError) as error:
            raise self._error(f"damaged after {before / self.sample_rate:.1f} s ({error})") from error
        if len(samples) < min(count, self.frames - before):
            raise self._error(f"truncated: {self.frames} samples promised, {before + len(samples)} found")
        if not np.isfinite(samples).all():
            where = f" after {before / self.sample_rate:.1f} s" if before else ""
            raise self._error(f"{np.count_nonzero(~np.isfinite(samples))} samples are NaN or infinite{where}")
        return samples

    def _error(self, text: str) -> UnreadableAudio:
        """Return an error that names the file."""
        return UnreadableAudio(f"{self._name}: {text}" if self._name else text)
