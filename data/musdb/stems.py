"""Decodes the sources of a MUSDB18 track, from AAC streams or WAV files, in a folder or a zip.

The length that a stream declares is not trusted: samples are counted by decoding. In MUSDB18 the mixture was encoded
separately from the sources and differs from their sum by about -30 dB.

Sources whose lengths differ by less than 10 ms are padded with zeros at the end. Floating-point files that go beyond
full scale are scaled, all sources of a track by one factor. Both are flagged.

Shapes: T samples, K channels.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import log10
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from data.errors import InputError
from data.files.audio import Pcm, UnreadableAudio, decode, to_pcm16
from data.files.containers import to_unit
from data.files.regular import MissingFile, UnreadableFile, read_regular, reason, without_name
from data.files.zips import open_zip
from data.musdb.dataset import CHANNELS, SAMPLE_RATE, SOURCES, Track

_LARGEST = 1 << 30  # bytes of a file: 50 minutes of floating-point stereo
_UNEVEN = 441  # samples: sources whose lengths differ by at most that much are padded
_LONGEST = 30 * 60 * SAMPLE_RATE  # samples of a stem file, of which all five sources are in memory: 53 MB a minute
_WIDTH = 2 * CHANNELS  # bytes of a sample of all channels
_BLOCK = 1 << 16  # samples whose sum is checked at once


class BadTrack(InputError):
    """A track cannot be used; the message says why."""


@dataclass(frozen=True)
class Stems:
    """The decoded sources of a track.

    Attributes:
        sources: int16 PCM, (T, 2), of the mixture and each source by name, sample-aligned and of equal length.
        marks: quality flags that tell what was changed: "padded by up to 3 samples", "scaled by -0.2 dB".
    """

    sources: dict[str, np.ndarray]
    marks: list[str] = field(default_factory=list)


def read_track(track: Track) -> Stems:
    """Return the mixture and the sources of a track.

    Raises:
        BadTrack: a source is missing, unreadable, of another sample rate, or of another length than the others by more
            than 10 ms.

    Example:
        >>> vocals = read_track(track).sources["vocals"]
    """
    try:
        found = _read_stems(track) if track.is_stem else _read_folder(track)
    except UnreadableFile as error:
        raise BadTrack(f"{track.name}: {error}") from error
    gain = min(one.gain for one in found.values())
    sources = {name: _scaled(one, gain) for name, one in found.items()}
    marks = [] if gain == 1.0 else [f"scaled by {20 * log10(gain):.1f} dB"]
    lengths = {name: len(pcm) for name, pcm in sources.items()}
    missing = max(lengths.values()) - min(lengths.values())
    if missing > _UNEVEN:
        raise BadTrack(f"{track.name}: sources of different lengths ({lengths}, in samples)")
    if missing:
        longest = max(lengths.values())
        sources = {name: np.pad(pcm, ((0, longest - len(pcm)), (0, 0))) for name, pcm in sources.items()}
        marks.append(f"padded by up to {missing} samples")
    if track.left_out:
        marks.append(f"left out: {track.left_out}")
    return Stems(sources, marks)


def _scaled(pcm: Pcm, gain: float) -> np.ndarray:
    """Return samples at the gain of the whole track instead of their own."""
    if pcm.gain == gain:
        return pcm.samples
    return np.rint(pcm.samples * (gain / pcm.gain)).astype(np.int16)


def _bytes(track: Track, name: str) -> bytes:
    """Return the bytes of the file `name` of the track, or of the track itself if `name` is "".

    Raises:
        UnreadableFile: the file is missing, damaged or too large.
    """
    if track.member:
        return open_zip(track.place).read(f"{track.member}/{name}" if name else track.member, _LARGEST)
    path = track.place / name if name else track.place
    try:
        return read_regular(path, _LARGEST)
    except UnreadableFile as error:
        raise without_name(error, path) from error


def _read_folder(track: Track) -> dict[str, Pcm]:
    """Return the decoded sources of a folder of WAV files."""
    found = {}
    for name in SOURCES:
        try:
            pcm = decode(_bytes(track, f"{name}.wav"))
        except MissingFile as error:
            raise BadTrack(f"{track.name}: no {name}.wav; it takes {', '.join(SOURCES)}") from error
        except UnreadableFile as error:
            raise UnreadableFile(f"{name}.wav: {error}") from error
        found[name] = _checked(pcm, f"{name}.wav")
    return found


def _checked(pcm: Pcm, what: str) -> Pcm:
    """Return samples with two channels at 44.1 kHz; mono is copied to both channels."""
    if pcm.sample_rate != SAMPLE_RATE or pcm.channels > CHANNELS:
        raise UnreadableAudio(f"{what}: {pcm.sample_rate} Hz, {pcm.channels} channels; 44100 Hz stereo is expected")
    return pcm if pcm.channels == CHANNELS else Pcm(np.repeat(pcm.samples, CHANNELS, axis=1), SAMPLE_RATE, pcm.gain)


def _read_stems(track: Track) -> dict[str, Pcm]:
    """Return the decoded five streams of a .stem.mp4 file, by source name."""
    content = io.BytesIO(_bytes(track, ""))
    try:
        with av.open(content, options={"format_whitelist": "mov"}, metadata_errors="replace") as container:
            streams = list(container.streams.audio)
            if len(streams) != len(SOURCES):
                raise UnreadableAudio(f"{len(streams)} streams of sound; {len(SOURCES)} are expected")
            sounds = {stream.index: bytearray() for stream in streams}
            rates = {stream.rate for stream in streams}
            for number, samples in _frames(container, streams):
                if samples.shape[1] != CHANNELS:
                    raise UnreadableAudio("a stream is not stereo")
                sounds[number] += to_pcm16(samples).tobytes()  # at once, since all five are held in memory
                if len(sounds[number]) > _LONGEST * _WIDTH:
                    raise UnreadableAudio(f"longer than {_LONGEST // SAMPLE_RATE // 60} minutes; cut it into songs")
    except (FFmpegError, OSError, EOFError, ValueError) as error:
        if isinstance(error, UnreadableFile):
            raise
        raise UnreadableAudio(f"not readable as MP4 ({reason(error)})") from error
    if rates != {SAMPLE_RATE}:
        raise UnreadableAudio(f"{sorted(rates)} Hz; 44100 Hz is expected")
    if not all(sounds.values()):
        raise UnreadableAudio("a stream holds no sound")
    waves = [np.frombuffer(one, np.int16).reshape(-1, CHANNELS) for one in sounds.values()]
    return {name: Pcm(wave, SAMPLE_RATE) for name, wave in zip(SOURCES, waves, strict=True)}


def _frames(container: Any, streams: list[Any]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the stream number and the float samples, (T, K), of every frame of every stream."""
    for packet in container.demux(streams):
        for frame in packet.decode():
            samples = frame.to_ndarray()
            planar = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
            yield packet.stream.index, to_unit(planar.T)


def flags(sources: Mapping[str, np.ndarray]) -> list[str]:
    """Return quality flags of a track, sorted: "silent <source>" and "not the sum of its sources".

    The latter means that the energy of mixture minus sum is above -15 dB relative to the mixture; MUSDB18's own coding
    noise is near -30 dB.

    Args:
        sources: int16 PCM, (T, 2), of the mixture and each source by name.
    """
    found = [f"silent {name}" for name, pcm in sources.items() if not pcm.any()]
    energy = wrong = 0
    for start in range(0, len(sources["mixture"]), _BLOCK):
        mixture, *parts = (sources[name][start : start + _BLOCK].astype(np.int64) for name in SOURCES)
        energy, wrong = energy + int(np.square(mixture).sum()), wrong + int(np.square(mixture - sum(parts)).sum())
    if wrong > energy * 10 ** (-15 / 10):
        found.append("not the sum of its sources")
    return sorted(found)
