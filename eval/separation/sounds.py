"""Sounds of tracks that are read in parts: from audio files, from shards, or computed from others.

Shapes: T samples, K channels.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from data.files.audio import to_float
from data.files.containers import ContainerReader
from data.files.readers import SoundReader, open_sound
from data.shards.reader import Shards
from eval.metrics.blocks import Combined, Sound

VOCALS, ACCOMPANIMENT = "vocals", "accompaniment"


class FileSound:
    """An audio file of any format, read forward in parts (`eval.metrics.blocks.Sound`).

    What was read last is kept, so that parts may overlap. A part that lies before it opens the file anew.

    Args:
        path: of the file.

    Raises:
        UnreadableAudio: the file is damaged or not audio; the message names it.

    Example:
        >>> sound = FileSound(Path("vocals.flac"))
        >>> sound.read(0, 44_100).shape
        (44100, 2)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with open_sound(path) as sound:
            self.shape = sound.frames, sound.channels
        self._opened: SoundReader | ContainerReader | None = None
        self._start, self._held = 0, np.zeros((0, self.shape[1]), np.float32)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples `start` to `stop` - 1, float32, (stop - start, K).

        Raises:
            UnreadableAudio: the file is damaged; the message names it.
        """
        if start < self._start or self._opened is None:
            self.close()
            self._opened = open_sound(self._path)
        while (held := self._start + len(self._held)) < start:  # parts in between were not asked for
            self._start, self._held = held, self._opened.read(min(start - held, 1 << 18))
        if stop > held:
            self._held = np.concatenate([self._held[start - self._start :], self._opened.read(stop - held)])
            self._start = start
        return self._held[start - self._start : stop - self._start]

    def close(self) -> None:
        """Close the file, and forget what was read."""
        if self._opened is not None:
            self._opened.__exit__(None, None, None)
        self._opened, self._start, self._held = None, 0, self._held[:0]


class ShardSound:
    """A recording in shards, read in parts (`eval.metrics.blocks.Sound`).

    Args:
        shards: they hold it.
        row: its number.
    """

    def __init__(self, shards: Shards, row: int) -> None:
        self._shards, self._row = shards, row
        self.shape = int(shards.column("frames")[row]), int(shards.column("channels")[row])

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples `start` to `stop` - 1, float32, (stop - start, K).

        Raises:
            CorruptShard: the bytes do not match their checksum; the message names the recording.
        """
        return to_float(self._shards.segment(self._row, start, stop - start))


def sum_of(parts: Sequence[Sound]) -> Sound:
    """Return the sum of sounds of one shape."""
    return Combined(_sum, parts) if len(parts) > 1 else parts[0]


def with_accompaniment(references: Mapping[str, Sound], vocals: Sound) -> dict[str, Sound]:
    """Return estimates of vocals and accompaniment, where the accompaniment is the mixture minus the vocals.

    The difference of the vocals is computed first, so that perfect vocals give exactly the true accompaniment.

    Args:
        references: true "vocals" and "accompaniment", (T, K) each; their sum is the mixture.
        vocals: estimated vocals, (T, K).
    """
    parts = references[ACCOMPANIMENT], references[VOCALS], vocals
    return {VOCALS: vocals, ACCOMPANIMENT: Combined(_rest, parts)}


def _sum(first: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """Return the sum of samples, added one after the other."""
    for one in others:
        first = first + one
    return first


def _rest(accompaniment: np.ndarray, true: np.ndarray, estimated: np.ndarray) -> np.ndarray:
    """Return the true accompaniment with what the estimated vocals lack."""
    return accompaniment + (true - estimated)
