"""Separates an audio file or an array of samples, for any sample rate, channel count and length.

The vocals have exactly as many samples as the input. The song of a file is never held in memory as a whole: blocks are
read, resampled to the system's rate, separated chunk by chunk, resampled back and written. If the system wants songs at
a certain level, the file is read twice: first to measure it.

Shapes: T samples, K channels.
"""

from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.audio import Resampler, resample, writing_sound
from data.files.containers import ContainerReader
from data.files.readers import SoundReader, open_sound
from data.progress import Listener, ignore
from models.separation.level import root_mean_square
from models.separation.separate import Mixture, Separator

_BLOCK = 1 << 18  # number of samples read at once


class _AtRate:
    """Reads a song, resampled to another rate, from beginning to end.

    Samples before the `start` of the last call are dropped, so later calls cannot go back.
    """

    def __init__(self, song: SoundReader | ContainerReader, sample_rate: int) -> None:
        self._song, self._resampler = song, Resampler(song.sample_rate, sample_rate, song.channels)
        self._begin, self._held, self._read = 0, np.zeros((0, song.channels), np.float32), 0

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples start … stop at the new rate, (T, K) float32; zeros beyond the end of the song."""
        while self._begin + len(self._held) < stop and self._read < self._song.frames:
            block = self._song.read(_BLOCK)
            self._read += len(block)
            more = self._resampler.feed(block, last=self._read >= self._song.frames)
            self._held = np.concatenate([self._held[max(0, start - self._begin) :], more])
            self._begin = max(self._begin, start)
        found = self._held[start - self._begin : stop - self._begin]
        return np.pad(found, ((0, stop - start - len(found)), (0, 0)))


def separate_file(source: Path, target: Path, separator: Separator, listener: Listener = ignore) -> dict[str, float]:
    """Write the vocals of a song as a 16-bit file with the song's sample rate, channels and length.

    The file appears only when it is complete: after an error, `target` is as it was before.

    Args:
        source: audio file of the song.
        target: WAV or FLAC file to write.
        separator: the separation system.
        listener: receives progress reports.

    Returns:
        "seconds", "sample_rate" (in Hz) and "channels" of the song.

    Raises:
        UnreadableFile: there is no such song, or it is no regular file, damaged or not audio.
        InputError: the target cannot be written.

    Example:
        >>> separator = trained_mask_network(Path("mask_network"), torch.device("cpu"))
        >>> separate_file(Path("song.mp3"), Path("vocals.wav"), separator)
        {'seconds': 215.3, 'sample_rate': 44100, 'channels': 2}
    """
    level = _measured(source, separator.sample_rate) if separator.level else 0.0
    with open_sound(source) as song:
        length = _length(song, separator.sample_rate)
        back, written = Resampler(separator.sample_rate, song.sample_rate, song.channels), 0
        with writing_sound(target, song.sample_rate, song.channels) as file:
            done = 0
            read = _AtRate(song, separator.sample_rate).read
            for piece in separator.separate(Mixture(read, length, song.channels, level), listener=listener):
                done += len(piece)
                vocals = back.feed(np.ascontiguousarray(piece, np.float32), last=done >= length)[
                    : song.frames - written
                ]
                file.write(vocals)
                written += len(vocals)
            file.write(np.zeros((song.frames - written, song.channels), np.float32))
        return {"seconds": song.frames / song.sample_rate, "sample_rate": song.sample_rate, "channels": song.channels}


def _length(song: SoundReader | ContainerReader, sample_rate: int) -> int:
    """Return the length of a song in samples at another rate."""
    return -(-song.frames * sample_rate // song.sample_rate)


def _measured(source: Path, sample_rate: int) -> float:
    """Return the root mean square of a whole song, resampled to `sample_rate`."""
    with open_sound(source) as song:
        read, length = _AtRate(song, sample_rate).read, _length(song, sample_rate)
        return root_mean_square(read(start, min(start + _BLOCK, length)) for start in range(0, length, _BLOCK))


def separate_wave(song: np.ndarray, sample_rate: int, separator: Separator, listener: Listener = ignore) -> np.ndarray:
    """Return the vocals of a song that is held in memory, float32, with the song's shape and sample rate.

    Args:
        song: float, (T,) or (T, K), full scale [-1, 1].
        sample_rate: sample rate of the song in Hz.
        separator: the separation system.
        listener: receives progress reports.

    Raises:
        InputError: the song has another shape, no sample or one that is not finite, or the rate is not positive.

    Example:
        >>> song, sample_rate = soundfile.read("song.wav")
        >>> vocals = separate_wave(song, sample_rate, trained_mask_network(Path("mask_network"), torch.device("cpu")))
    """
    wave = np.asarray(song, np.float32)
    if wave.ndim not in (1, 2) or wave.size == 0 or not np.isfinite(wave).all() or sample_rate <= 0:
        raise InputError(f"a song of shape {wave.shape} at {sample_rate} Hz: give finite samples, (T,) or (T, K)")
    length = len(wave)
    mixture = resample(wave.reshape(length, -1), sample_rate, separator.sample_rate)  # (T at the system's rate, K)
    missing = -(-length * separator.sample_rate // sample_rate) - len(mixture)  # a part of a sample is a sample
    mixture = np.pad(mixture, ((0, max(0, missing)), (0, 0)))
    pieces = separator.separate(Mixture.of(mixture), listener=listener)
    vocals = resample(np.concatenate(list(pieces)).astype(np.float32), separator.sample_rate, sample_rate)[:length]
    return np.pad(vocals, ((0, length - len(vocals)), (0, 0))).reshape(wave.shape)
