"""Reads music files for the conversion system, and writes converted voices and melodies.

Shapes: T samples, K channels, N melody frames.
"""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.audio import Resampler, to_pcm16, write_sound, writing_sound
from data.files.containers import ContainerReader
from data.files.durable import write_bytes
from data.files.readers import SoundReader, open_sound
from models.conversion.frames import FRAME_RATE, HOP, RATE
from models.conversion.melody.load import Melody

_BLOCK = 1 << 18  # samples read at once
_QUIETEST = 1e-5  # RMS below which a voice has no level to match


@dataclass(frozen=True)
class Song:
    """A music file as the conversion system hears it.

    Attributes:
        wave: mean of the channels at 16 kHz, (T,) float32.
        seconds: length of the file.
        sample_rate: sample rate of the file in Hz.
        channels: number of channels of the file.
    """

    wave: np.ndarray
    seconds: float
    sample_rate: int
    channels: int


def read_song(path: Path) -> Song:
    """Read a music file of any length, sample rate and number of channels.

    Raises:
        UnreadableFile: there is no such file, it is no regular file, damaged, not audio, or empty.

    Example:
        >>> read_song(Path("song.mp3")).wave.shape
        (3444480,)
    """
    with open_sound(path) as song:
        pieces = list(_mono(song))
        return Song(np.concatenate(pieces), song.frames / song.sample_rate, song.sample_rate, song.channels)


def _mono(song: SoundReader | ContainerReader) -> "list[np.ndarray]":
    """Return the mean of all channels at 16 kHz in pieces, (T,) float32 each."""
    resampler, done, found = Resampler(song.sample_rate, RATE, 1), 0, []
    while done < song.frames and len(block := song.read(_BLOCK)):
        done += len(block)
        mean = np.ascontiguousarray(block.mean(1, keepdims=True), np.float32)
        found.append(resampler.feed(mean, last=done >= song.frames)[:, 0])
    return found


def write_voice(path: Path, wave: np.ndarray) -> None:
    """Write a voice, (T,) float at 16 kHz, as a 16-bit WAV or FLAC file with one channel."""
    write_sound(path, to_pcm16(wave), RATE)


def write_melody(path: Path, melody: Melody) -> None:
    """Write a melody as a CSV file: time in s, F0 in Hz (0 where unvoiced), voicing in [0, 1], energy in dB.

    Energy is the level of the voice, RMS relative to full scale. There are 100 rows per second.

    Example:
        >>> write_melody(Path("melody.csv"), extractor.melody(wave))
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["time", "f0_hz", "voicing", "energy_db"])
    level = melody.energy * (20 / math.log(10))
    for frame, (f0, voicing, energy) in enumerate(zip(melody.f0, melody.voicing, level, strict=True)):
        rows.writerow([f"{frame / FRAME_RATE:.2f}", f"{f0:.3f}", f"{voicing:.4f}", f"{energy:.2f}"])
    write_bytes(path, text.getvalue().encode())


def write_remix(song: Path, vocals: Path, voice: np.ndarray, target: Path) -> float:
    """Write the accompaniment of a song with another voice: the song minus its vocals, plus the voice.

    The voice is brought to the level of the vocals, by the RMS over the loud half of their frames, and is the same in
    all channels. Samples beyond full scale are clipped.

    Args:
        song: music file.
        vocals: its separated vocals, of the same sample rate, length and number of channels.
        voice: converted voice, (T,) float32 at 16 kHz, in time with the song.
        target: WAV or FLAC file to write, in the song's sample rate and number of channels.

    Returns:
        The gain of the voice in dB.

    Raises:
        InputError: the vocals have another format than the song.

    Example:
        >>> write_remix(Path("song.wav"), Path("vocals.wav"), converter.convert(wave).wave, Path("remix.wav"))
        -1.3
    """
    gain = _gain(read_song(vocals).wave, voice)
    with open_sound(song) as mixture, open_sound(vocals) as sung:
        if (mixture.sample_rate, mixture.channels, mixture.frames) != (sung.sample_rate, sung.channels, sung.frames):
            raise InputError(f"{vocals}: has another format than {song}; separate the vocals of this song again")
        up = Resampler(RATE, mixture.sample_rate, 1)
        raised = up.feed(np.ascontiguousarray(gain * voice, np.float32)[:, None], last=True)  # (T, 1)
        raised = np.pad(raised, ((0, max(0, mixture.frames - len(raised))), (0, 0)))
        with writing_sound(target, mixture.sample_rate, mixture.channels) as file:
            done = 0
            while done < mixture.frames and len(block := mixture.read(_BLOCK)):
                file.write(block - sung.read(len(block)) + raised[done : done + len(block)])
                done += len(block)
    return 20 * math.log10(gain)


def _gain(vocals: np.ndarray, voice: np.ndarray) -> np.ndarray | float:
    """Return the factor that brings a voice to the level of vocals, both (T,) at 16 kHz."""
    levels = [_loud(one) for one in (vocals, voice)]
    return levels[0] / levels[1] if min(levels) > _QUIETEST else 1.0


def _loud(wave: np.ndarray) -> float:
    """Return the RMS over the louder half of the frames of 10 ms that are not silent."""
    frames = wave[: len(wave) // HOP * HOP].reshape(-1, HOP).astype(np.float64)
    power = np.square(frames).mean(1)
    power = power[power > _QUIETEST**2]
    return float(np.sqrt(power[power >= np.median(power)].mean())) if len(power) else 0.0
