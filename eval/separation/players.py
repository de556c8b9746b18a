"""Separated songs to listen to: excerpts with the most singing, equally loud, the worst songs first.

Each row holds the mixture, the true vocals and, of every system played, its vocals and what is left of the
mixture without them. Sound is FLAC: it is heard as it was made.

Shapes: T samples, K channels.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.files.audio import encode, to_float, to_pcm16
from data.shards.reader import Shards
from eval.metrics.waveform import loudness
from eval.report.document import Block, Clip, Players, Text
from eval.report.figures import spectrogram
from eval.separation.tables import by_track, figure, name_of

_SECONDS = 8.0
_MOST_SONGS, _LEAST_SONGS = 9, 3
_PAGE_BYTES = 12_000_000  # of the page, for sound
_SHRUNK = 0.8 * 4 / 3  # bytes of the page a byte of PCM becomes at most: FLAC, then base64
_MOST_GAIN = 20.0  # dB; a whisper is not blown up to a roar
_SHORTEST = 0.4  # seconds that a loudness can be measured of (BS.1770)


class Sounds:
    """Songs and estimates in shards, by name."""

    def __init__(self, songs: Path, estimates: Sequence[Path]) -> None:
        self._songs = Shards(songs)
        rows = zip(self._songs.column("track"), self._songs.column("source"), strict=True)
        self._parts = {(str(track), str(source)): row for row, (track, source) in enumerate(rows)}
        self._made: dict[tuple[str, str], tuple[Shards, int]] = {}
        for shards in map(Shards, estimates):
            for row, (system, track) in enumerate(zip(shards.column("system"), shards.column("track"), strict=True)):
                self._made[str(system), str(track)] = (shards, row)
        self.sample_rate = round(float(self._songs.column("sample_rate")[0]))
        self.channels = int(self._songs.column("channels")[0])

    def part(self, track: str, source: str) -> np.ndarray:
        """Return a source of a song, float32 (T, K)."""
        return to_float(self._songs.read(self._parts[track, source]))

    def estimate(self, system: str, track: str) -> np.ndarray | None:
        """Return the vocals that a system made of a song, float32 (T, K), or None if it made nothing."""
        if (system, track) not in self._made:
            return None
        shards, row = self._made[system, track]
        return to_float(shards.read(row))


@dataclass(frozen=True)
class Extent:
    """How much is played: songs, and seconds of each."""

    songs: int
    seconds: float


def extent(sounds: Sounds, clips: int) -> Extent:
    """Return how much sound the page can hold with `clips` players a song: 3 to 9 songs, 8 s or less of each."""
    song = clips * _SECONDS * sounds.sample_rate * sounds.channels * 2 * _SHRUNK
    songs = int(np.clip(_PAGE_BYTES // song, _LEAST_SONGS, _MOST_SONGS))
    return Extent(songs, min(_SECONDS, _SECONDS * _PAGE_BYTES / (songs * song)))


def ordered(tracks: pd.DataFrame, system: str) -> list[str]:
    """Return the songs from the lowest to the highest uSDR of a system; what has none comes first."""
    mine = tracks[tracks["system"] == system].sort_values(["uSDR", "track"], na_position="first")
    return mine["track"].tolist()


def picks(order: Sequence[str], count: int) -> dict[str, list[str]]:
    """Return `count` songs of `order`, none twice: the worst, the typical, the best."""
    count = min(count, len(order))
    worst, best = (count + 2) // 3, count // 3
    typical = count - worst - best
    rest = order[worst : len(order) - best]
    first = (len(rest) - typical) // 2
    return {
        "Worst songs first": list(order[:worst]),
        "Typical songs": list(rest[first : first + typical]),
        "Best songs": list(order[len(order) - best :][::-1]),
    }


def most_singing(vocals: np.ndarray, length: int) -> int:
    """Return where the `length` samples of (T, K) begin that hold most energy."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(vocals, dtype=np.float64).sum(1))])
    length = min(length, len(vocals))
    return int(np.argmax(energy[length:] - energy[: len(energy) - length]))


def matched(wave: np.ndarray, level: float, sample_rate: int) -> tuple[np.ndarray, float]:
    """Return (T, K) as loud as `level` in LUFS, or as near as can be, and by how many dB it was changed.

    It is raised by at most 20 dB and never so far that it clips; silence stays as it is.
    """
    own = _loudness(wave, sample_rate)
    peak = float(np.abs(wave).max(initial=0.0))
    wanted = level - own if np.isfinite(level - own) else 0.0
    room = -20 * np.log10(peak) if peak else 0.0
    gain = float(min(wanted, _MOST_GAIN, room))
    return wave * np.float32(10 ** (gain / 20)), gain


def _loudness(wave: np.ndarray, sample_rate: int) -> float:
    return loudness(wave, sample_rate) if len(wave) >= _SHORTEST * sample_rate else float("nan")


def player_blocks(sounds: Sounds, scores: pd.DataFrame, order: Sequence[str], systems: Sequence[str]) -> list[Block]:
    """Return the players of `systems`, for songs chosen from `order`, which runs from the worst to the best."""
    amount = extent(sounds, 2 + 2 * len(systems))
    told = {
        (str(one["system"]), str(one["track"]), source): _scores(one)
        for source in ("vocals", "accompaniment")
        for one in by_track(scores, source).to_dict("records")
    }
    heads = ["Mixture", "True vocals"]
    for system in systems:
        heads += [f"{name_of(system)}: vocals", f"{name_of(system)}: the rest"]
    blocks: list[Block] = [
        Text(
            f"Songs are ordered by the uSDR of {name_of(systems[-1]).lower()}. Of each, the {amount.seconds:.1f} s "
            "(or all of a shorter song) with the most singing, by the energy of the true vocals. Every sound is made "
            f"as loud as the mixture (BS.1770) by the dB told under it (“level”): raised by {_MOST_GAIN:.0f} dB at "
            "most, and never so far that it clips. “The rest” is the mixture less the vocals found: what is heard of "
            "the singer there was missed. Scores are of whole songs. Spectrograms: 0 to "
            f"{sounds.sample_rate / 4000:g} kHz, as played."
        )
    ]
    for caption, chosen in picks(order, amount.songs).items():
        rows = [(track, list(_clips(sounds, track, systems, told, amount.seconds))) for track in chosen]
        if rows:
            blocks.append(Players(caption, heads, rows, item="Song"))
    return blocks


def _clips(
    sounds: Sounds,
    track: str,
    systems: Sequence[str],
    told: Mapping[tuple[str, str, str], Sequence[str]],
    seconds: float,
) -> Iterator[Clip]:
    """Yield the players of one song; `told` is what was measured of (system, song, source), in words."""
    rate = sounds.sample_rate
    vocals, rest = (sounds.part(track, source) for source in ("vocals", "accompaniment"))
    length = int(seconds * rate)
    start = most_singing(vocals, length)
    here = slice(start, start + length)
    mixture = (vocals + rest)[here]
    level = _loudness(mixture, rate)

    def clip(name: str, wave: np.ndarray | None, words: Sequence[str] = ()) -> Clip:
        label = f"{name}, {track}, from {start / rate:.1f} s"
        if wave is None:
            return Clip(label, None)
        played, gain = matched(wave, level, rate)
        figures = "; ".join(one.replace(" ", "\u00a0") for one in (f"level {gain:+.1f} dB", *words))
        sound = encode(to_pcm16(played), rate, "FLAC")
        return Clip(label, sound, spectrogram=spectrogram(played.mean(1)), figures=figures)

    yield clip("Mixture", mixture)
    yield clip("True vocals", vocals[here])
    for system in systems:
        made = sounds.estimate(system, track)
        found, left = (None, None) if made is None else (made[here], mixture - made[here])
        name = name_of(system).lower()
        yield clip(f"Vocals by {name}", found, told.get((system, track, "vocals"), ()))
        yield clip(f"The rest by {name}", left, told.get((system, track, "accompaniment"), ()))


def _scores(values: Mapping[Hashable, Any]) -> Sequence[str]:
    """Return what was measured of one source of one song, in words."""
    usdr, distance = float(values["uSDR"]), float(values["MR-STFT"])
    # A hyphen at which no line breaks: there is little room under a player.
    return (f"uSDR {figure(usdr)} dB", f"MR\u2011STFT {figure(distance, 'MR-STFT')}") if np.isfinite(usdr) else ()
