"""Reads what voices are made of: recordings of singing, and tracks of MUSDB18, both as mono waves at 16 kHz.

Shapes: T samples, K channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log10
from pathlib import Path

import numpy as np

from data.decoding import decoding
from data.errors import InputError
from data.files.audio import Resampler, UnreadableAudio, resample, to_float
from data.files.durable import file_sha256
from data.files.names import make_id
from data.files.readers import open_sound
from data.files.regular import printable
from data.shards.reader import Shards
from data.voices.corpora import Names
from data.voices.index import RATE
from data.voices.layouts import VOICE_RIGHT, Recording

_BLOCK = 1 << 18  # samples read at once
_LONGEST = 3 * 3600  # seconds of a recording; it is held in memory


@dataclass(frozen=True)
class Sound:
    """A decoded source. One of `voice` and `accompaniment` may be missing; both have the same length.

    Attributes:
        voice: float32, 16 kHz, (T,), or None.
        accompaniment: float32, 16 kHz, (T,), or None.
        original: the voice, or else the accompaniment, at the sample rate of the source, float32.
        rate: sample rate of the source in Hz.
        offset: mean of the voice, full scale [-1, 1], which is taken off: it would hide how quiet silences are.
        marks: quality flags that tell what was changed: "scaled by -0.2 dB" for samples beyond full scale, "silent
            channel" where channels were averaged of which one is silent; it is left out of the mean.
    """

    voice: np.ndarray | None
    accompaniment: np.ndarray | None
    original: np.ndarray
    rate: float
    offset: float = 0.0
    marks: tuple[str, ...] = ()

    @property
    def parts(self) -> dict[str, np.ndarray]:
        """The waves that there are, by the name of the part."""
        both = {"voice": self.voice, "accompaniment": self.accompaniment}
        return {name: wave for name, wave in both.items() if wave is not None}


@dataclass(frozen=True)
class Source:
    """Something that clips are made of.

    Attributes:
        id: id from which the ids of clips are made.
        names: layout, singer, song and language; the singer is "" for an accompaniment without a voice.
        read: decodes it; raises `InputError` if it cannot be read.
        digest: returns the SHA-256 of the file, "" if it is not a file.
        split: split that is set from outside; "" for that of the singer.
        recording: the recording with its annotation; None for a track.
    """

    id: str
    names: Names
    read: Callable[[], Sound]
    digest: Callable[[], str]
    split: str = ""
    recording: Recording | None = None


def from_recordings(recordings: Sequence[Recording]) -> list[Source]:
    """Return the sources of recordings (`data.voices.layouts.find_recordings`), in their order.

    Raises:
        InputError: two recordings have the same name.
    """
    found = {one.name: one for one in recordings}
    if len(found) < len(recordings):
        names = [one.name for one in recordings]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{twice}: two recordings of this name; search their folders as one, by links in a new folder")
    return [
        Source(make_id(one.name), one.names, partial(read_recording, one), partial(file_sha256, one.path), "", one)
        for one in recordings
    ]


def read_recording(recording: Recording) -> Sound:
    """Decode a recording.

    Raises:
        UnreadableFile: the file cannot be read, is damaged, too long, empty, or lacks the channel of the voice; the
            message names it.
    """
    path, voices, others, originals = printable(recording.path), [], [], []
    peak = 0.0
    with decoding(path), open_sound(recording.path) as file:
        sounding = np.zeros(file.channels, bool)
        if recording.accompanied and file.channels != VOICE_RIGHT + 1:
            raise UnreadableAudio(f"{path}: {file.channels} channels; accompaniment left and voice right are expected")
        if file.frames > _LONGEST * file.sample_rate:
            raise UnreadableAudio(f"{path}: longer than {_LONGEST // 3600} hours; cut it into files of a song each")
        channels = 2 if recording.accompanied else 1
        resampler, left = Resampler(file.sample_rate, RATE, channels), file.frames
        while left > 0:
            block = file.read(min(_BLOCK, left))
            left -= len(block)
            peak, sounding = max(peak, float(np.abs(block).max(initial=0.0))), sounding | block.any(0)
            if len(block) == 0:
                raise UnreadableAudio(f"{path}: cut off {left} samples before its end")
            kept = block if recording.accompanied else block.mean(1, keepdims=True)  # (T, 1 or 2)
            originals.append(np.ascontiguousarray(kept[:, -1]))
            low = resampler.feed(np.ascontiguousarray(kept, np.float32), last=left <= 0)
            voices.append(low[:, -1])
            others.append(low[:, 0])
        rate = float(file.sample_rate)
    factor, marks = _level(peak, sounding, mean=not recording.accompanied)
    voice = np.concatenate(voices) * factor
    offset = float(voice.mean(dtype=np.float64))
    other = np.concatenate(others) * factor if recording.accompanied else None
    return Sound(voice - np.float32(offset), other, np.concatenate(originals) * factor, rate, offset, marks)


def _level(peak: float, sounding: np.ndarray, *, mean: bool) -> tuple[np.float32, tuple[str, ...]]:
    """Return the factor that brings a recording to its level, and what is to be told about it.

    Args:
        peak: largest magnitude of its samples.
        sounding: whether each of its channels has any sound, (K,).
        mean: whether the channels were averaged.
    """
    factor, marks = 1.0, []
    if mean and sounding.any() and not sounding.all():
        factor = len(sounding) / int(sounding.sum())
        marks.append("silent channel")
    if peak > 1.0:
        factor /= peak
        marks.append(f"scaled by {-20 * log10(peak):.1f} dB")
    return np.float32(factor), tuple(marks)


def from_tracks(folders: Sequence[Path], *, vocals: bool) -> list[Source]:
    """Return the sources of MUSDB18 tracks: the accompaniment is the mixture minus the vocals.

    Args:
        folders: folders of shards with the columns track, source and split (`data.musdb.tracks.group_folders`).
        vocals: whether the vocals are voices too. Then the artist is the singer, and all tracks of an artist are of
            the strictest split of any of them; otherwise each track keeps its split.
    """
    found: list[tuple[str, str, Shards, dict[str, int]]] = []
    for folder in folders:
        shards, rows = Shards(folder), {}
        for row, (track, source) in enumerate(zip(shards.column("track"), shards.column("source"), strict=True)):
            rows.setdefault(str(track), {})[str(source)] = row
        for track, parts in rows.items():
            if {"mixture", "vocals"} <= set(parts):
                found.append((track, str(shards.column("split")[parts["mixture"]]), shards, parts))
    artists: dict[str, set[str]] = {}
    for track, split, _, _ in found:
        artists.setdefault(_artist(track), set()).add(split)
    sources = []
    for track, own, shards, parts in sorted(found, key=lambda one: one[0]):
        strictest = next(one for one in ("test", "valid", "train") if one in artists[_artist(track)])
        names = Names("musdb", _artist(track) if vocals else "", track)
        read = partial(_read_track, shards, parts, vocals)
        sources.append(Source(make_id(track), names, read, str, strictest if vocals else own))
    return sources


def _artist(track: str) -> str:
    """Return the artist of a track named "Artist - Title"."""
    return track.split(" - ", maxsplit=1)[0]


def _read_track(shards: Shards, rows: dict[str, int], vocals: bool) -> Sound:
    """Decode a track to its accompaniment and, if asked for, its vocals."""
    mixture, voice = (to_float(shards.read(rows[name])).mean(1) for name in ("mixture", "vocals"))
    rate = float(shards.column("sample_rate")[rows["mixture"]])
    other = mixture - voice
    low = resample(other, rate, RATE)
    return Sound(resample(voice, rate, RATE) if vocals else None, low, voice if vocals else other, rate)
