"""Sound in containers that libsndfile does not read, such as M4A and MP4, WebM and WMA, a block at a time.

What a container promises about its length is not trusted: samples are counted by decoding once before.

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
    """Open a sound file of any kind, to be read forward.

    Raises:
        UnreadableAudio: damaged or no audio; the message names it.
        FileNotFoundError: there is no such file.
    """
    with open(path, "rb") as file:
        begin = file.read(12)
    is_container = begin[4:8] == b"ftyp" or begin[:4] in (_ASF, _MATROSKA)
    return ContainerReader(path) if is_container else SoundReader(path)


class ContainerReader:
    """The first sound of a container; `frames`, `sample_rate` and `channels` tell of it."""

    def __init__(self, path: Path) -> None:
        """Open `path` and count its samples.

        Raises:
            UnreadableAudio: damaged, or no sound inside; the message names it.
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
        """Return the next samples, float32 (at most `count`, K).

        Raises:
            UnreadableAudio: the file is damaged, or holds NaN.
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
        try:
            container = av.open(str(self.path))
        except FFmpegError as error:
            raise UnreadableAudio(f"{self.path}: not readable as audio ({error})") from error
        if not container.streams.audio:
            container.close()
            raise UnreadableAudio(f"{self.path}: holds no sound")
        return container

    def _decoded(self) -> Generator[np.ndarray, None, None]:
        """Yield all samples, (T, K) float32."""
        resampler = av.AudioResampler(format="fltp")
        try:
            with self._open() as container:
                for frame in container.decode(audio=0):
                    yield from (one.to_ndarray().T for one in resampler.resample(frame))
        except FFmpegError as error:
            raise UnreadableAudio(f"{self.path}: damaged ({error})") from error
