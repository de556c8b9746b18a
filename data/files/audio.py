"""Audio files in and out. The only module that touches an audio codec (soundfile, soxr).

Conventions: PCM is 16-bit, shape (samples, channels); a float waveform is PCM divided by
32,767, full scale [-1, 1]. Nothing is trusted about a file: libsndfile reads a truncated
WAV to its end without a word, so the length its header promises is checked here.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import soundfile
import soxr

from data.errors import InputError
from data.files.durable import write_bytes

FULL_SCALE = 32767


class UnreadableAudio(InputError):
    """The bytes are not a whole, finite audio file."""


@dataclass(frozen=True)
class Pcm:
    """Decoded audio: `samples` int16 (T, channels), at `sample_rate` Hz."""

    samples: np.ndarray
    sample_rate: int

    @property
    def channels(self) -> int:
        return self.samples.shape[1]


def decode(content: bytes, longest: int = 1 << 30) -> Pcm:
    """Decode the bytes of a WAV, FLAC, OGG, MP3 or AIFF file to 16-bit PCM.

    A file may promise any length in a few bytes; what promises more than `longest` samples in all
    is refused before memory is asked for.

    16-bit sources come out unchanged. Others are rounded to 16 bits.

    Raises:
        UnreadableAudio: empty, unknown, truncated, NaN or beyond full scale; the message
            says which.
    """
    _check_riff_length(io.BytesIO(content))
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.frames * file.channels > longest:
                raise UnreadableAudio(
                    f"promises {file.frames:,} x {file.channels} samples; at most {longest:,} are read"
                )
            exact = file.subtype in ("PCM_16", "PCM_S8", "PCM_U8")
            samples = file.read(dtype="int16" if exact else "float64", always_2d=True)
            promised, rate = file.frames, file.samplerate
    except UnreadableAudio:
        raise
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise UnreadableAudio(f"not readable as audio ({error})") from error
    if len(samples) != promised:
        raise UnreadableAudio(f"truncated: {promised} samples promised, {len(samples)} found")
    if not exact:
        if not np.isfinite(samples).all():
            raise UnreadableAudio(f"{np.count_nonzero(~np.isfinite(samples))} samples are NaN or infinite")
        if np.abs(samples).max(initial=0.0) > 1.0:
            raise UnreadableAudio(f"samples reach {np.abs(samples).max():.3g}, beyond full scale 1.0")
        samples = to_pcm16(samples)
    return Pcm(samples, rate)


def read(path: Path) -> Pcm:
    """Decode the audio file at `path` to 16-bit PCM.

    Raises:
        UnreadableAudio: the file is damaged or no audio; the message names it.
        FileNotFoundError: there is no such file.
    """
    try:
        return decode(path.read_bytes())
    except UnreadableAudio as error:
        raise UnreadableAudio(f"{path}: {error}") from error


def _check_riff_length(file: IO[bytes]) -> None:
    """Refuse a WAV whose data chunk is longer than the bytes that are there; leaves the file at its beginning."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    start = file.read(12)
    if not start:
        raise UnreadableAudio("empty file")
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE":
        promised = _data_length(file, size)
        if promised > (found := size - file.tell()):
            raise UnreadableAudio(f"truncated: {promised} bytes of sound promised, {found} found")
    file.seek(0)


def _data_length(file: IO[bytes], size: int) -> int:
    """Return the bytes of sound that a WAV of `size` bytes promises, and leave the file where they begin."""
    while file.tell() + 8 <= size:
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            return length
        file.seek(length + length % 2, io.SEEK_CUR)  # chunks are padded to even lengths
    raise UnreadableAudio("truncated: the WAV holds no sound")


class SoundReader:
    """A sound file of any length, read forward a block at a time; `frames`, `sample_rate` and `channels` tell of it."""

    def __init__(self, path: Path) -> None:
        """Open `path`.

        Raises:
            UnreadableAudio: damaged or no audio; the message names it.
            FileNotFoundError: there is no such file.
        """
        try:
            with open(path, "rb") as file:
                _check_riff_length(file)
            self._file = soundfile.SoundFile(path)
        except (UnreadableAudio, soundfile.SoundFileError, RuntimeError) as error:
            raise UnreadableAudio(f"{path}: not readable as audio ({error})") from error
        self.path, self.frames = path, self._file.frames
        self.sample_rate, self.channels = self._file.samplerate, self._file.channels

    def __enter__(self) -> "SoundReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, count: int) -> np.ndarray:
        """Return the next samples, float32 (at most `count`, channels).

        Raises:
            UnreadableAudio: the file ends before it should, or holds NaN.
        """
        before = self._file.tell()
        samples = self._file.read(count, dtype="float32", always_2d=True)
        if len(samples) < min(count, self.frames - before):
            raise UnreadableAudio(f"{self.path}: cut off after {before + len(samples)} of {self.frames} samples")
        if not np.isfinite(samples).all():
            raise UnreadableAudio(f"{self.path}: NaN or infinite samples after {before / self.sample_rate:.1f} s")
        return samples


class WavWriter:
    """Writes a 16-bit WAV piece by piece."""

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        self._file = soundfile.SoundFile(path, "w", sample_rate, channels, "PCM_16", format="WAV")

    def __enter__(self) -> "WavWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, wave: np.ndarray) -> None:
        """Append a float waveform (T, channels), clipped at full scale."""
        self._file.write(to_pcm16(wave))


class Resampler:
    """Resamples a long signal piece by piece (soxr VHQ)."""

    def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
        same = from_rate == to_rate
        self._stream = None if same else soxr.ResampleStream(from_rate, to_rate, channels, "float32", "VHQ")

    def feed(self, wave: np.ndarray, *, last: bool) -> np.ndarray:
        """Return what the next piece (T, channels) float32 adds; the last call empties the filter."""
        return wave if self._stream is None else self._stream.resample_chunk(wave, last=last)


def to_pcm16(wave: np.ndarray) -> np.ndarray:
    """Return a finite float waveform as int16, rounded, clipped at full scale."""
    return np.rint(np.clip(wave, -1.0, 1.0) * FULL_SCALE).astype(np.int16)


def to_float(pcm: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return int16 PCM as float32 in [-1, 1], in `out` if given (divided by 32,767; -32,768 maps just below -1)."""
    return np.divide(pcm, np.float32(FULL_SCALE), out=out)


def encode(pcm: np.ndarray, sample_rate: int, container: str) -> bytes:
    """Return int16 PCM, (T,) or (T, channels), as the bytes of a 16-bit "WAV" or "FLAC" file."""
    file = io.BytesIO()
    soundfile.write(file, pcm, sample_rate, format=container, subtype="PCM_16")
    return file.getvalue()


def write_wav(path: Path, pcm: np.ndarray, sample_rate: int) -> None:
    """Write int16 PCM, (T,) or (T, channels), as a 16-bit WAV file, whole or not at all."""
    write_bytes(path, encode(pcm, sample_rate, "WAV"))


def resample(wave: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Return a float waveform (T,) or (T, channels) resampled with a band-limited filter (soxr VHQ)."""
    return soxr.resample(wave, from_rate, to_rate, quality="VHQ")
