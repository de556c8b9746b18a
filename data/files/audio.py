"""Reads, writes and resamples audio; the only module that uses the audio libraries soundfile and soxr.

Conventions: PCM is int16, shape (T, K); a float waveform is PCM divided by 32,767, full scale [-1, 1]. The data length
in a WAV header is compared with the size of the file, because libsndfile reads a truncated WAV without an error.

Shapes: T samples, K channels.
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
    """The bytes are not a complete audio file with finite samples."""


@dataclass(frozen=True)
class Pcm:
    """Decoded audio.

    Attributes:
        samples: int16, (T, K).
        sample_rate: sample rate in Hz.
    """

    samples: np.ndarray
    sample_rate: int

    @property
    def channels(self) -> int:
        """Number of channels K."""
        return self.samples.shape[1]


def decode(content: bytes, longest: int = 1 << 30) -> Pcm:
    """Decode the bytes of a WAV, FLAC, OGG, MP3 or AIFF file to 16-bit PCM.

    16-bit samples are returned unchanged and 8-bit samples converted exactly; other formats are rounded to 16 bits.

    Args:
        content: bytes of the whole file.
        longest: largest number of samples, over all channels, that is decoded. A small file can declare any length;
            a longer one is refused before memory is allocated.

    Raises:
        UnreadableAudio: the file is empty, of unknown format, truncated, too long, or has samples that are NaN,
            infinite or beyond full scale; the message says which.

    Example:
        >>> pcm = decode(Path("note.wav").read_bytes())
        >>> wave = to_float(pcm.samples)  # (T, K)
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
    """Decode the audio file at `path` to 16-bit PCM, with the rules of `decode`.

    Raises:
        UnreadableAudio: the file is damaged or not audio; the message names it.
        FileNotFoundError: there is no such file.

    Example:
        >>> pcm = read(Path("note.wav"))
        >>> wave = to_float(pcm.samples)  # (T, K)
    """
    try:
        return decode(path.read_bytes())
    except UnreadableAudio as error:
        raise UnreadableAudio(f"{path}: {error}") from error


def _check_riff_length(file: IO[bytes]) -> None:
    """Raise `UnreadableAudio` if a WAV is shorter than its header declares; leaves the file at its beginning."""
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
    """Return the bytes of audio that the header of a WAV of `size` bytes declares; leaves the file where they begin."""
    while file.tell() + 8 <= size:
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            return length
        file.seek(length + length % 2, io.SEEK_CUR)  # chunks are padded to even lengths
    raise UnreadableAudio("truncated: the WAV holds no sound")


class SoundReader:
    """Reads an audio file of any length forward, in blocks.

    Attributes:
        path: the file.
        frames: number of samples T per channel.
        sample_rate: sample rate in Hz.
        channels: number of channels K.

    Example:
        >>> with SoundReader(Path("song.wav")) as song:
        ...     block = song.read(65_536)
    """

    def __init__(self, path: Path) -> None:
        """Open `path`.

        Raises:
            UnreadableAudio: the file is damaged or not audio; the message names it.
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
        """Return the next samples, float32, (at most `count`, K); (0, K) at the end.

        Raises:
            UnreadableAudio: the file is shorter than declared, or holds NaN or infinite samples.
        """
        before = self._file.tell()
        samples = self._file.read(count, dtype="float32", always_2d=True)
        if len(samples) < min(count, self.frames - before):
            raise UnreadableAudio(f"{self.path}: cut off after {before + len(samples)} of {self.frames} samples")
        if not np.isfinite(samples).all():
            raise UnreadableAudio(f"{self.path}: NaN or infinite samples after {before / self.sample_rate:.1f} s")
        return samples


class WavWriter:
    """Writes a 16-bit WAV file in blocks.

    Example:
        >>> with WavWriter(Path("vocals.wav"), sample_rate=44_100, channels=2) as file:
        ...     file.write(wave)
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        self._file = soundfile.SoundFile(path, "w", sample_rate, channels, "PCM_16", format="WAV")

    def __enter__(self) -> "WavWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, wave: np.ndarray) -> None:
        """Append a float waveform, (T, K), full scale [-1, 1]; samples beyond full scale are clipped."""
        self._file.write(to_pcm16(wave))


class Resampler:
    """Resamples a long signal in blocks (soxr VHQ). Equal rates return the input unchanged.

    Example:
        >>> resampler = Resampler(44_100, 16_000, channels=2)
        >>> wave = np.concatenate([resampler.feed(first, last=False), resampler.feed(second, last=True)])
    """

    def __init__(self, from_rate: int, to_rate: int, channels: int) -> None:
        same = from_rate == to_rate
        self._stream = None if same else soxr.ResampleStream(from_rate, to_rate, channels, "float32", "VHQ")

    def feed(self, wave: np.ndarray, *, last: bool) -> np.ndarray:
        """Return the resampled samples that this block completes, float32, (any number, K).

        Args:
            wave: next block, float32, (T, K).
            last: whether this is the last block; the samples still in the filter are then returned as well.
        """
        return wave if self._stream is None else self._stream.resample_chunk(wave, last=last)


def to_pcm16(wave: np.ndarray) -> np.ndarray:
    """Return a finite float waveform of any shape as int16: clipped to [-1, 1], times 32,767, rounded."""
    return np.rint(np.clip(wave, -1.0, 1.0) * FULL_SCALE).astype(np.int16)


def to_float(pcm: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Return int16 PCM of any shape as float32, divided by 32,767.

    The range is [-1, 1], except that -32,768 becomes slightly less than -1.

    Args:
        pcm: int16 samples.
        out: array for the result, float32, of the shape of `pcm`; a new one by default.
    """
    return np.divide(pcm, np.float32(FULL_SCALE), out=out)


def encode(pcm: np.ndarray, sample_rate: int, container: str) -> bytes:
    """Return int16 PCM, (T,) or (T, K), as the bytes of a 16-bit file; `container` is "WAV" or "FLAC"."""
    file = io.BytesIO()
    soundfile.write(file, pcm, sample_rate, format=container, subtype="PCM_16")
    return file.getvalue()


def write_wav(path: Path, pcm: np.ndarray, sample_rate: int) -> None:
    """Write int16 PCM, (T,) or (T, K), as a 16-bit WAV file, atomically (`durable.write_bytes`).

    Example:
        >>> write_wav(Path("note.wav"), to_pcm16(wave), 16_000)
    """
    write_bytes(path, encode(pcm, sample_rate, "WAV"))


def resample(wave: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Return a float waveform, (T,) or (T, K), resampled with a band-limited filter (soxr VHQ).

    Example:
        >>> resample(np.zeros((44_100, 2), np.float32), 44_100, 16_000).shape
        (16000, 2)
    """
    return soxr.resample(wave, from_rate, to_rate, quality="VHQ")
