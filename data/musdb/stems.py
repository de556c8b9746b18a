"""Decodes the sources of a MUSDB18 track, from AAC streams or WAV files, in a folder or a zip.

The length that a stream declares is not trusted: samples are counted by decoding. In MUSDB18 the mixture was encoded
separately from the sources and differs from their sum by about -30 dB.

Shapes: T samples, K channels.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from data.errors import InputError
from data.files.audio import Pcm, UnreadableAudio, decode, to_pcm16
from data.musdb.dataset import CHANNELS, SAMPLE_RATE, SOURCES, STEM_SUFFIX, Track


class BadTrack(InputError):
    """A track cannot be used; the message says why."""


def read_track(track: Track) -> dict[str, np.ndarray]:
    """Return int16 PCM, (T, 2), of the mixture and each source by name, sample-aligned and of equal length.

    Raises:
        BadTrack: a source is missing, unreadable, of another sample rate, or of another length than the others.

    Example:
        >>> vocals = read_track(track)["vocals"]
    """
    try:
        sources = _read_stems(track) if _is_stem(track) else _read_folder(track)
    except UnreadableAudio as error:
        raise BadTrack(f"{track.name}: {error}") from error
    lengths = {name: len(pcm) for name, pcm in sources.items()}
    if len(set(lengths.values())) > 1:
        raise BadTrack(f"{track.name}: sources of different lengths ({lengths}, in samples)")
    return sources


def _is_stem(track: Track) -> bool:
    """Return whether the track is a .stem.mp4 file."""
    return (track.member or track.place.name).endswith(STEM_SUFFIX)


def _bytes(track: Track, name: str) -> bytes:
    """Return the bytes of the file `name` of the track, or of the track itself if `name` is ""."""
    if not track.member:
        return (track.place / name if name else track.place).read_bytes()
    try:
        with zipfile.ZipFile(track.place) as file:
            return file.read(f"{track.member}/{name}" if name else track.member)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UnreadableAudio(f"damaged in {track.place.name}: {error}") from error


def _read_folder(track: Track) -> dict[str, np.ndarray]:
    """Return the decoded sources of a folder of WAV files."""
    found = {}
    for name in SOURCES:
        try:
            pcm = decode(_bytes(track, f"{name}.wav"))
        except (FileNotFoundError, KeyError) as error:
            raise BadTrack(f"{track.name}: no {name}.wav; it takes {', '.join(SOURCES)}") from error
        except UnreadableAudio as error:
            raise UnreadableAudio(f"{name}.wav: {error}") from error
        found[name] = _checked(pcm, f"{name}.wav")
    return found


def _checked(pcm: Pcm, what: str) -> np.ndarray:
    """Return int16 samples, (T, 2), at 44.1 kHz; mono is copied to both channels."""
    if pcm.sample_rate != SAMPLE_RATE or pcm.channels > CHANNELS:
        raise UnreadableAudio(f"{what}: {pcm.sample_rate} Hz, {pcm.channels} channels; 44100 Hz stereo is expected")
    return pcm.samples if pcm.channels == CHANNELS else np.repeat(pcm.samples, CHANNELS, axis=1)


def _read_stems(track: Track) -> dict[str, np.ndarray]:
    """Return the decoded five streams of a .stem.mp4 file, by source name."""
    content = io.BytesIO(_bytes(track, ""))
    try:
        with av.open(content) as container:
            streams = list(container.streams.audio)
            if len(streams) != len(SOURCES):
                raise UnreadableAudio(f"{len(streams)} streams of sound; {len(SOURCES)} are expected")
            pieces: dict[int, list[np.ndarray]] = {stream.index: [] for stream in streams}
            rates = {stream.rate for stream in streams}
            for number, samples in _frames(container, streams):
                pieces[number].append(samples)
    except FFmpegError as error:
        raise UnreadableAudio(f"not readable as MP4 ({error})") from error
    if rates != {SAMPLE_RATE}:
        raise UnreadableAudio(f"{sorted(rates)} Hz; 44100 Hz is expected")
    if not all(pieces.values()):
        raise UnreadableAudio("a stream holds no sound")
    waves = [np.concatenate(one) for one in pieces.values()]
    if {wave.shape[1] for wave in waves} != {CHANNELS}:
        raise UnreadableAudio("a stream is not stereo")
    return {name: to_pcm16(wave) for name, wave in zip(SOURCES, waves, strict=True)}


def _frames(container: Any, streams: list[Any]) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the stream number and the float samples, (T, K), of every frame of every stream."""
    for packet in container.demux(streams):
        for frame in packet.decode():
            samples = frame.to_ndarray()
            planar = samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T
            yield packet.stream.index, _to_float(planar.T)


def _to_float(samples: np.ndarray) -> np.ndarray:
    """Return samples as decoded, (T, K), as float64 with full scale [-1, 1]; integers come from lossless codecs."""
    if samples.dtype.kind == "u":
        return samples / 2.0 ** (8 * samples.itemsize - 1) - 1.0
    if samples.dtype.kind == "i":
        return samples / 2.0 ** (8 * samples.itemsize - 1)
    return samples.astype(np.float64)


def flags(sources: Mapping[str, np.ndarray]) -> list[str]:
    """Return quality flags of a track, sorted: "silent <source>" and "not the sum of its sources".

    The latter means that the energy of mixture minus sum is above -15 dB relative to the mixture; MUSDB18's own coding
    noise is near -30 dB.

    Args:
        sources: int16 PCM, (T, 2), of the mixture and each source by name.
    """
    found = [f"silent {name}" for name, pcm in sources.items() if not pcm.any()]
    mixture = sources["mixture"].astype(np.float64)
    error = mixture - sum(sources[name].astype(np.float64) for name in SOURCES[1:])
    if np.square(error).sum() > np.square(mixture).sum() * 10 ** (-15 / 10):
        found.append("not the sum of its sources")
    return sorted(found)
