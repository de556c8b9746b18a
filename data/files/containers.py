"""Decodes audio with FFmpeg, in blocks: containers such as M4A, MP4, WebM and AVI, raw streams such as MP3 and AAC.

The length that a file declares is not trusted: it is decoded once to count its samples. Where a file states its length
exactly and holds less, it was cut off, which is an error.

Shapes: T samples, K channels.
"""

from collections.abc import Callable, Generator
from typing import Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError

from data.files.headers import UnreadableAudio, mpeg_begin, mpeg_length
from data.files.regular import UnreadableFile, reason

# FFmpeg's names of the formats that are read. Others (playlists, subtitles, pictures) could make it open other files.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,loas,matroska,mov,mp3,mpeg,mpegts,ogg,tak,tta,voc,w64,wav,wv"
)
_STREAMS = ("aac", "ac3", "dts", "eac3", "loas", "mp3", "mpeg", "mpegts")  # without an end: tags may follow the sound
_EXACT = ("caf", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "tta", "wv")  # their tables tell the length exactly
_TOLERANCE = 0.1  # seconds by which an exact length may be missed: delays of coders, edit lists
_EXACT_SAMPLES = ("s16", "s16p", "u8", "u8p")
_DAMAGE = (FFmpegError, OSError, ValueError, EOFError, IndexError, MemoryError)


class ContainerReader:
    """Reads the first audio stream of a file forward, in blocks; same interface as `readers.SoundReader`.

    Attributes:
        frames: number of samples T per channel, counted.
        sample_rate: sample rate in Hz.
        channels: number of channels K.
        exact: whether the samples have 16 bits or fewer, so that they can be read as int16 without rounding.
    """

    def __init__(self, opener: Callable[[], BinaryIO], name: str = "") -> None:
        """Decode the file once to count its samples.

        Args:
            opener: opens the file, each time anew.
            name: name of the file in error messages; "" for none.

        Raises:
            UnreadableAudio: the file is damaged, cut off, or contains no audio; the message names it.
        """
        self._opener, self._name = opener, name
        self.frames = 0
        for frame in self._decoded():
            if not self.frames:
                self.sample_rate, self.channels = frame.sample_rate, frame.layout.nb_channels
                self.exact = frame.format.name in _EXACT_SAMPLES
            self.frames += frame.samples
        if not self.frames:
            raise self._error("holds no samples")
        self._check_length()
        self._blocks, self._held = self._decoded(), np.zeros((0, self.channels), np.float32)
        self._left = self.frames

    def __enter__(self) -> "ContainerReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks.close()

    def read(self, count: int, dtype: str = "float32") -> np.ndarray:
        """Return the next samples as `dtype`, "float32", "float64" or "int16", (at most `count`, K); (0, K) at the end.

        Raises:
            UnreadableAudio: the file is damaged, or holds NaN or infinite samples; the message names it.
        """
        count = min(count, self._left)
        pieces, have = [self._held], len(self._held)
        while have < count and (frame := next(self._blocks, None)) is not None:
            pieces.append(to_unit(_planes(frame)).astype(np.float32))
            have += len(pieces[-1])
        samples = np.concatenate(pieces)
        samples, self._held = samples[:count], samples[count:]
        self._left -= len(samples)
        if not np.isfinite(samples).all():
            raise self._error("NaN or infinite samples")
        return (samples * np.float32(32768)).astype(np.int16) if dtype == "int16" else samples.astype(dtype, copy=False)

    def _error(self, text: str) -> UnreadableAudio:
        """Return an error that names the file."""
        return UnreadableAudio(f"{self._name}: {text}" if self._name else text)

    def _decoded(self) -> Generator[Any, None, None]:
        """Decode the stream from its beginning and yield frames of one sample rate and number of channels."""
        form: tuple[int, int] | None = None
        fault: Exception | None = None
        with self._opener() as file:
            try:
                with av.open(file, options={"format_whitelist": _FORMATS}, metadata_errors="replace") as container:
                    if not container.streams.audio:
                        raise self._error("holds no sound")
                    for frame in _frames(container):
                        if isinstance(frame, Exception):
                            fault = fault or frame
                            continue
                        if fault is not None or (form and form != (frame.sample_rate, frame.layout.nb_channels)):
                            raise fault or ValueError("its sample rate or channels change on the way")
                        form = frame.sample_rate, frame.layout.nb_channels
                        yield frame
                    if fault is not None and container.format.name not in _STREAMS:
                        raise fault
            except _DAMAGE as error:
                if isinstance(error, UnreadableFile):
                    raise
                said = "damaged" if form else "not readable as audio"
                raise self._error(f"{said} ({reason(error)})") from error

    def _check_length(self) -> None:
        """Compare the counted samples with the length that the file states, where it is exact; an MP3 may be padded.

        Raises:
            UnreadableAudio: the file was cut off.
        """
        with self._opener() as file:
            begin = mpeg_begin(file)
            stated = mpeg_length(begin) if begin else None
            if begin is None:
                with av.open(file, options={"format_whitelist": _FORMATS}, metadata_errors="replace") as container:
                    stream = container.streams.audio[0]
                    if container.format.name in _EXACT and stream.duration and stream.time_base:
                        seconds = float(stream.duration * stream.time_base)
                        stated = round(seconds * self.sample_rate), round(_TOLERANCE * self.sample_rate)
        if stated is None:
            return
        promised, tolerance = stated
        if self.frames < promised - 2 * tolerance:
            raise self._error(f"truncated: {promised} samples promised, {self.frames} found")
        if begin is not None and promised < self.frames <= promised + 2 * tolerance:
            self.frames = promised  # what follows is a tag that was taken for sound


def _frames(container: Any) -> Generator[Any, None, None]:
    """Yield the decoded frames of the first audio stream, and an exception in place of a packet that is damaged."""
    for packet in container.demux(container.streams.audio[0]):
        try:
            yield from packet.decode()
        except FFmpegError as error:
            yield error


def _planes(frame: Any) -> np.ndarray:
    """Return the samples of a frame as decoded, (T, K)."""
    samples = frame.to_ndarray()
    return samples.T if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels)


def to_unit(samples: np.ndarray) -> np.ndarray:
    """Return decoded samples of any shape as float64 with full scale [-1, 1]; integers come from lossless codecs."""
    if samples.dtype.kind == "u":
        return samples / 2.0 ** (8 * samples.itemsize - 1) - 1.0
    if samples.dtype.kind == "i":
        return samples / 2.0 ** (8 * samples.itemsize - 1)
    return samples.astype(np.float64)
