"""Reads whole audio files, writes them, and resamples.

Conventions: PCM is int16, shape (T, K); a float waveform is PCM divided by 32,767, full scale [-1, 1]. Files are opened
by `data.files.readers`, which also reads them in blocks.

Shapes: T samples, K channels.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from data.errors import InputError
from data.files.durable import replacing_path, write_bytes
from data.files.headers import UnreadableAudio
from data.files.readers import open_sound
from data.files.regular import printable, read_regular

FULL_SCALE = 32767
_PIECE = 2048  # samples that numpy converts at once; its own 8,192 do not fit the fastest cache, which takes longer
WRITTEN = {".wav": "WAV", ".flac": "FLAC"}  # formats that are written, by the ending of the name of the file
_LARGEST = 4 << 30  # bytes of a file that is read as a whole
_LONGEST = 1 << 30  # samples, over all channels
_LOSSY = (
    ("MP3", "MPEG_LAYER_III", "audio/mpeg", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
    ("OGG", "OPUS", "audio/ogg", (8000, 12000, 16000, 24000, 48000)),
)  # format, subtype, MIME type and sample rates in Hz


@dataclass(frozen=True)
class Pcm:
    """Decoded audio.

    Attributes:
        samples: int16, (T, K).
        sample_rate: sample rate in Hz.
        gain: factor by which the samples were scaled, below 1 where the file goes beyond full scale.
    """

    samples: np.ndarray
    sample_rate: int
    gain: float = 1.0

    @property
    def channels(self) -> int:
        """Number of channels K."""
        return self.samples.shape[1]


@dataclass(frozen=True)
class Wave:
    """Decoded audio that is neither rounded nor clipped: samples float32, (T, K), and the sample rate in Hz."""

    samples: np.ndarray
    sample_rate: int


def decode(content: bytes, longest: int = _LONGEST) -> Pcm:
    """Decode the bytes of an audio file of any format of `readers.open_sound` to 16-bit PCM.

    16-bit samples are returned unchanged and 8-bit samples converted exactly; other formats are rounded to 16 bits. If
    floating-point samples go beyond full scale, all are scaled by one factor, `Pcm.gain`, so that none is clipped.

    Args:
        content: bytes of the whole file.
        longest: largest number of samples, over all channels, that is decoded. A small file can declare any length;
            a longer one is refused before memory is allocated.

    Raises:
        UnreadableAudio: the file is empty, of unknown format, truncated, too long, or has samples that are NaN or
            infinite; the message says which.

    Example:
        >>> pcm = decode(Path("note.wav").read_bytes())
        >>> wave = to_float(pcm.samples)  # (T, K)
    """
    with open_sound(content) as file:
        if file.frames * file.channels > longest:
            raise UnreadableAudio(f"promises {file.frames:,} x {file.channels} samples; at most {longest:,} are read")
        if file.exact:
            return Pcm(file.read(file.frames, "int16"), file.sample_rate)
        samples = file.read(file.frames, "float64")
    gain = min(1.0, 1.0 / max(float(np.abs(samples).max()), 1e-300))
    return Pcm(to_pcm16(samples if gain == 1.0 else samples * gain), file.sample_rate, gain)


def read(path: Path) -> Pcm:
    """Decode the audio file at `path` to 16-bit PCM, with the rules of `decode`.

    Raises:
        UnreadableAudio: the file is damaged or not audio; the message names it.
        UnreadableFile: there is no such file, or it is no regular file; the message names it.

    Example:
        >>> pcm = read(Path("note.wav"))
        >>> wave = to_float(pcm.samples)  # (T, K)
    """
    content = read_regular(path, _LARGEST)
    try:
        return decode(content)
    except UnreadableAudio as error:
        raise UnreadableAudio(f"{printable(path)}: {error}") from error


def read_wave(path: Path) -> Wave:
    """Decode the audio file at `path` as it is: floating-point samples are neither rounded nor clipped.

    Raises:
        UnreadableAudio: the file is damaged, not audio, or too long to be held in memory; the message names it.
        UnreadableFile: there is no such file, or it is no regular file; the message names it.

    Example:
        >>> mono = read_wave(Path("note.wav")).samples.mean(1)
    """
    with open_sound(path) as file:
        if file.frames * file.channels > _LONGEST:
            raise UnreadableAudio(f"{printable(path)}: {file.frames:,} x {file.channels} samples; cut it into parts")
        return Wave(file.read(file.frames), file.sample_rate)


def read_mono(path: Path) -> Wave:
    """Decode the audio file at `path` and average its channels: samples float32, (T,).

    Raises:
        UnreadableAudio: as `read_wave`; or a channel is silent where another is not, so that the mean would be at half
            of the level; the message names the file.
        UnreadableFile: there is no such file, or it is no regular file; the message names it.

    Example:
        >>> read_mono(Path("note.wav")).samples.shape
        (64000,)
    """
    wave = read_wave(path)
    sounding = np.asarray(wave.samples.any(0))
    if sounding.any() and not sounding.all():
        silent = ", ".join(str(number + 1) for number in np.flatnonzero(~sounding))
        raise UnreadableAudio(
            f"{printable(path)}: channel {silent} of {len(sounding)} is silent, and their mean would be too quiet; "
            "write the other alone"
        )
    return Wave(wave.samples.mean(1), wave.sample_rate)


class SoundWriter:
    """Writes a 16-bit WAV or FLAC file in blocks; `writing_sound` makes one."""

    def __init__(self, file: soundfile.SoundFile) -> None:
        self._file = file

    def write(self, wave: np.ndarray) -> None:
        """Append a float waveform, (T, K), full scale [-1, 1]; samples beyond full scale are clipped."""
        self._file.write(to_pcm16(wave))


@contextmanager
def writing_sound(path: Path, sample_rate: int, channels: int) -> Iterator[SoundWriter]:
    """Context manager: yields a writer of a 16-bit file, which gets the name `path` if the block ends without an error.

    Args:
        path: file to write; its ending, one of `WRITTEN`, decides the format.
        sample_rate: sample rate in Hz.
        channels: number of channels K.

    Raises:
        InputError: the ending is unknown, the format does not have this sample rate or number of channels, or the disk
            is full; the message names the file.

    Example:
        >>> with writing_sound(Path("vocals.wav"), sample_rate=44_100, channels=2) as file:
        ...     file.write(wave)
    """
    container, partial = written_format(path), path
    try:
        with (
            replacing_path(path) as partial,
            soundfile.SoundFile(partial, "w", sample_rate, channels, "PCM_16", format=container) as file,
        ):
            yield SoundWriter(file)
    except (soundfile.SoundFileError, AssertionError) as error:  # soundfile asserts that all samples were written
        said = str(error).replace(str(partial), container).rstrip(".") or "not all samples were written"
        raise InputError(
            f"{printable(path)}: cannot be written ({said}); see that there is space on that disk, and that the format "
            "has this rate, number of channels and size"
        ) from error


def written_format(path: Path) -> str:
    """Return the format that the ending of a name stands for, such as "WAV".

    Raises:
        InputError: it stands for none that is written; the message names those that are.
    """
    if (container := WRITTEN.get(path.suffix.lower())) is None:
        raise InputError(f"{printable(path)}: sound is written as {' or '.join(WRITTEN)}; give the file such an ending")
    return container


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
    former = np.setbufsize(_PIECE)
    try:
        return np.divide(pcm, np.float32(FULL_SCALE), out=out)
    finally:
        np.setbufsize(former)


def encode(pcm: np.ndarray, sample_rate: int, container: str) -> bytes:
    """Return int16 PCM, (T,) or (T, K), as the bytes of a 16-bit file; `container` is "WAV" or "FLAC"."""
    file = io.BytesIO()
    soundfile.write(file, pcm, sample_rate, format=container, subtype="PCM_16")
    return file.getvalue()


def encode_small(pcm: np.ndarray, sample_rate: int) -> tuple[bytes, str]:
    """Return int16 PCM, (T,) or (T, K), as the bytes of a small file, and its MIME type; it is not the same any more.

    MP3, which every browser plays, where libsndfile writes it; else Opus; else FLAC, which is larger and exact.

    Example:
        >>> encode_small(to_pcm16(wave), 16_000)[1]
        'audio/mpeg'
    """
    for container, subtype, media, rates in _LOSSY:
        if sample_rate in rates and subtype in soundfile.available_subtypes(container):
            file = io.BytesIO()
            soundfile.write(file, pcm, sample_rate, format=container, subtype=subtype)
            return file.getvalue(), media
    return encode(pcm, sample_rate, "FLAC"), "audio/flac"


def write_sound(path: Path, pcm: np.ndarray, sample_rate: int) -> None:
    """Write int16 PCM, (T,) or (T, K), as a 16-bit WAV or FLAC file, atomically (`durable.write_bytes`).

    Raises:
        InputError: the ending of the name is none of `WRITTEN`; the message names the file.

    Example:
        >>> write_sound(Path("note.wav"), to_pcm16(wave), 16_000)
    """
    write_bytes(path, encode(pcm, sample_rate, written_format(path)))


def resample(wave: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """Return a float waveform, (T,) or (T, K), resampled with a band-limited filter (soxr VHQ).

    Example:
        >>> resample(np.zeros((44_100, 2), np.float32), 44_100, 16_000).shape
        (16000, 2)
    """
    return soxr.resample(wave, from_rate, to_rate, quality="VHQ")
