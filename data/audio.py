"""Audio files in and out. The only module that touches an audio codec (soundfile, soxr).

Conventions: PCM is 16-bit, shape (samples, channels); a float waveform is PCM divided by
32,767, full scale [-1, 1]. Nothing is trusted about a file: libsndfile reads a truncated
WAV to its end without a word, so the length its header promises is checked here.
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from data.durable import write_bytes
from data.errors import InputError

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
    _check_riff_length(content)
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


def _check_riff_length(content: bytes) -> None:
    """Refuse a WAV whose data chunk is longer than the bytes that are there."""
    if not content:
        raise UnreadableAudio("empty file")
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return
    position = 12
    while position + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, position)
        position += 8
        if name == b"data":
            if position + size > len(content):
                raise UnreadableAudio(f"truncated: {size} bytes of sound promised, {len(content) - position} found")
            return
        position += size + size % 2  # chunks are padded to even lengths
    raise UnreadableAudio("truncated: the WAV holds no sound")


def to_pcm16(wave: np.ndarray) -> np.ndarray:
    """Return a finite float waveform as int16, rounded, clipped at full scale."""
    return np.rint(np.clip(wave, -1.0, 1.0) * FULL_SCALE).astype(np.int16)


def to_float(pcm: np.ndarray) -> np.ndarray:
    """Return int16 PCM as float32 in [-1, 1] (divided by 32,767; -32,768 maps just below -1)."""
    return pcm.astype(np.float32) / np.float32(FULL_SCALE)


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
