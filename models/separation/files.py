"""A song file in, a file of its vocals out: any rate, channels and length, as long as the input to the sample.

Nothing is held whole: blocks are read, brought to the rate of the system, separated chunk by chunk, brought
back and written.

Shapes: T samples, K channels.
"""

from pathlib import Path

import numpy as np

from data.files.audio import Resampler, SoundReader, WavWriter
from data.files.containers import ContainerReader, open_sound
from data.files.durable import replacing_path
from data.progress import Listener, ignore
from models.separation.separate import Separator

_BLOCK = 1 << 18  # samples read at once


class _AtRate:
    """A song at another rate, read forward; what lies before the last `start` is forgotten."""

    def __init__(self, song: SoundReader | ContainerReader, sample_rate: int) -> None:
        self._song, self._resampler = song, Resampler(song.sample_rate, sample_rate, song.channels)
        self._begin, self._held, self._read = 0, np.zeros((0, song.channels), np.float32), 0

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples start … stop, (T, K); beyond the end they are zero."""
        while self._begin + len(self._held) < stop and self._read < self._song.frames:
            block = self._song.read(_BLOCK)
            self._read += len(block)
            more = self._resampler.feed(block, last=self._read >= self._song.frames)
            self._held = np.concatenate([self._held[max(0, start - self._begin) :], more])
            self._begin = max(self._begin, start)
        found = self._held[start - self._begin : stop - self._begin]
        return np.pad(found, ((0, stop - start - len(found)), (0, 0)))


def separate_file(source: Path, target: Path, separator: Separator, listener: Listener = ignore) -> dict[str, float]:
    """Write the vocals of the song `source` to the 16-bit WAV `target`, whole or not at all.

    Returns:
        Seconds, sample rate and channels of the song.

    Raises:
        UnreadableAudio: the song is damaged or no audio.
    """
    with open_sound(source) as song:
        length = -(-song.frames * separator.sample_rate // song.sample_rate)
        back, written = Resampler(separator.sample_rate, song.sample_rate, song.channels), 0
        with replacing_path(target) as partial, WavWriter(partial, song.sample_rate, song.channels) as file:
            done = 0
            read = _AtRate(song, separator.sample_rate).read
            for piece in separator.separate(read, length, song.channels, listener=listener):
                done += len(piece)
                vocals = back.feed(np.ascontiguousarray(piece, np.float32), last=done >= length)[
                    : song.frames - written
                ]
                file.write(vocals)
                written += len(vocals)
            file.write(np.zeros((song.frames - written, song.channels), np.float32))
        return {"seconds": song.frames / song.sample_rate, "sample_rate": song.sample_rate, "channels": song.channels}
