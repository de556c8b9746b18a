"""Reads audio from containers that libsndfile does not support (M4A, MP4, WebM, WMA), in blocks.

The length that a container declares is not trusted: the file is decoded once to count its samples.

Shapes: T samples, K channels.
"""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from data.files.audio import SoundReader, UnreadableAudio

_ASF, _MATROSKA = b"\x30\x26\xb2\x75", b"\x1a\x45\xdf\xa3"


def open_sound(path: Path) -> "SoundReader | ContainerReader":
    """Open an audio file of any supported format for reading forward in blocks.

    Raises:
        UnreadableAudio: the file is damaged or not audio; the message names it.
        FileNotFoundError: there is no such file.

    Example:
        >>> with open_sound(Path("song.m4a")) as song:
        ...     block = song.read(65_536)  # float32, (T, K)
    """
    with open(path, "rb") as file:
        begin = file.read(12)
    is_container = begin[4:8] == b"ftyp" or begin[:4] in (_ASF, _MATROSKA)
    return ContainerReader(path) if is_container else SoundReader(path)


class ContainerReader:
    """Reads the first audio stream of a container forward, in blocks; same interface as `audio.SoundReader`.

    Attributes:
        path: the file.
        frames: number of samples T per channel.
        sample_rate: sample rate in Hz.
        channels: number of channels K.
    """

    def __init__(self, path: Path) -> None:
        """Open `path` and decode it once to count its samples.

        Raises:
            UnreadableAudio: the file is damaged or contains no audio; the message names it.
        """
        self.path = path
        with self._open() as container:
            stream = container.streams.audio[0]
            self.sample_rate, self.channels = int(stream.rate), int(stream.layout.nb_channels)
        self.frames = sum(len(one) for one in self._decoded())
        if not self.frames:
            raise UnreadableAudio(f"{path}: its stream of sound is empty")
        self._blocks, self._held = self._decoded(), np.zeros((0, self.channels), np.float32)

    def __enter__(self) -> "ContainerReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks.close()

    def read(self, count: int) -> np.ndarray:
        """Return the next samples, float32, (at most `count`, K); (0, K) at the end.

        Raises:
            UnreadableAudio: the file is damaged, or holds NaN or infinite samples.
        """
        pieces, have = [self._held], len(self._held)
        while have < count and (block := next(self._blocks, None)) is not None:
            pieces.append(block)
            have += len(block)
        samples = np.concatenate(pieces)
        samples, self._held = samples[:count], samples[count:]
        if not np.isfinite(samples).all():
            raise UnreadableAudio(f"{self.path}: NaN or infinite samples")
        return samples

    def _open(self) -> Any:
        """Return the opened container, which has at least one audio stream."""
        try:
            container = av.open(str(self.path))
        except FFmpegError as error:
            raise UnreadableAudio(f"{self.path}: not readable as audio ({error})") from error
        if not container.streams.audio:
            container.close()
            raise UnreadableAudio(f"{self.path}: holds no sound")
        return container

    def _decoded(self) -> Generator[np.ndarray, None, None]:
        """Decode the stream from its beginning and yield blocks of samples, float32, (T, K)."""
        resampler = av.AudioResampler(format="fltp")
        try:
            with self._open() as container:
                for frame in container.decode(audio=0):
                    yield from (one.to_ndarray().T for one in resampler.resample(frame))
        except FFmpegError as error:
            raise UnreadableAudio(f"{self.path}: damaged ({error})") from error
