"""Audio players of the separation report: excerpts with the most singing, at equal loudness, worst songs first.

Each row of players is one song: the mixture, the true vocals and, for every system, its vocals and the rest (mixture
minus these vocals). The audio is encoded as FLAC, a lossless format, so that no coding artifacts are added.

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
_PAGE_BYTES = 12_000_000  # budget for audio in the HTML page
_SHRUNK = 0.8 * 4 / 3  # bytes in the page per byte of PCM: FLAC is assumed to save 20 %, base64 adds a third
_MOST_GAIN = 20.0  # dB; limits how much a quiet sound is amplified
_SHORTEST = 0.4  # seconds; shortest sound whose loudness can be measured (BS.1770)


class Sounds:
    """True sources and estimates in shards, read by the names of song, source and system.

    Attributes:
        sample_rate: sample rate of the songs in Hz, that of the first recording.
        channels: number of channels of the songs, that of the first recording.

    Example:
        >>> sounds = Sounds(songs, [estimates])  # two folders of shards
        >>> vocals = sounds.part("AM Contra - Heart Peripheral", "vocals")
    """

    def __init__(self, songs: Path, estimates: Sequence[Path]) -> None:
        """Open the shards.

        Args:
            songs: shards of the true sources, with the labels `track` and `source` (`data.musdb.vocals`).
            estimates: folders of shards of estimated vocals, with the labels `system` and `track`
                (`models.separation.estimates`).

        Raises:
            InputError: shards are incomplete or damaged.
        """
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
        """Return a true source of a song, "vocals" or "accompaniment", float32, shape (T, K)."""
        return to_float(self._songs.read(self._parts[track, source]))

    def estimate(self, system: str, track: str) -> np.ndarray | None:
        """Return the vocals of a song estimated by a system, float32, shape (T, K); None if there are none."""
        if (system, track) not in self._made:
            return None
        shards, row = self._made[system, track]
        return to_float(shards.read(row))


@dataclass(frozen=True)
class Extent:
    """Amount of audio in the report.

    Attributes:
        songs: number of songs.
        seconds: length of the excerpt of each song, in seconds.
    """

    songs: int
    seconds: float


def extent(sounds: Sounds, clips: int) -> Extent:
    """Return how much audio fits into the page: 3 to 9 songs, at most 8 s of each.

    Args:
        sounds: the songs, for their sample rate and number of channels.
        clips: number of players per song.
    """
    song = clips * _SECONDS * sounds.sample_rate * sounds.channels * 2 * _SHRUNK
    songs = int(np.clip(_PAGE_BYTES // song, _LEAST_SONGS, _MOST_SONGS))
    return Extent(songs, min(_SECONDS, _SECONDS * _PAGE_BYTES / (songs * song)))


def ordered(tracks: pd.DataFrame, system: str) -> list[str]:
    """Return the songs from the lowest to the highest uSDR of a system; songs without a value (NaN) come first.

    Args:
        tracks: one row per (system, song), as `eval.separation.tables.by_track` returns it.
        system: name of the system.
    """
    mine = tracks[tracks["system"] == system].sort_values(["uSDR", "track"], na_position="first")
    return mine["track"].tolist()


def picks(order: Sequence[str], count: int) -> dict[str, list[str]]:
    """Choose `count` songs, none twice: the worst, those in the middle, and the best, about a third each.

    Args:
        order: names of the songs, from worst to best.
        count: number of songs; fewer are returned if `order` is shorter.

    Returns:
        Names by heading: worst first, those in the middle in the order of `order`, best first.
    """
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
    """Return the start, in samples, of the stretch of `length` samples with the highest energy.

    Args:
        vocals: true vocals, float, shape (T, K).
        length: length of the stretch in samples. If it is T or more, the result is 0.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(vocals, dtype=np.float64).sum(1))])
    length = min(length, len(vocals))
    return int(np.argmax(energy[length:] - energy[: len(energy) - length]))


def matched(wave: np.ndarray, level: float, sample_rate: int) -> tuple[np.ndarray, float]:
    """Scale a sound to a loudness, within limits.

    The gain is at most 20 dB and so small that no sample exceeds full scale. If the loudness of the sound or `level`
    could not be measured (silence, or less than 0.4 s), the sound changes only if it exceeds full scale.

    Args:
        wave: float32, shape (T, K), full scale [-1, 1].
        level: wanted loudness in LUFS (BS.1770); NaN if it could not be measured.
        sample_rate: sample rate in Hz.

    Returns:
        The scaled sound, shape (T, K), and the gain that was applied, in dB.
    """
    own = _loudness(wave, sample_rate)
    peak = float(np.abs(wave).max(initial=0.0))
    wanted = level - own if np.isfinite(level - own) else 0.0
    room = -20 * np.log10(peak) if peak else 0.0
    gain = float(min(wanted, _MOST_GAIN, room))
    return wave * np.float32(10 ** (gain / 20)), gain


def _loudness(wave: np.ndarray, sample_rate: int) -> float:
    """Return the loudness of (T, K) in LUFS; NaN if it is silent or too short to be measured."""
    return loudness(wave, sample_rate) if len(wave) >= _SHORTEST * sample_rate else float("nan")


def player_blocks(sounds: Sounds, scores: pd.DataFrame, order: Sequence[str], systems: Sequence[str]) -> list[Block]:
    """Return the section "Listen" of the report: an explanation, and players for the chosen songs.

    Args:
        sounds: true sources and estimates.
        scores: rows of scores.parquet (`eval.separation.score.write_scores`).
        order: names of the songs, from the lowest to the highest uSDR of the last of `systems`.
        systems: names of the systems that are played.
    """
    amount = extent(sounds, 2 + 2 * len(systems))
    measured = {
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
        rows = [(track, list(_clips(sounds, track, systems, measured, amount.seconds))) for track in chosen]
        if rows:
            blocks.append(Players(caption, heads, rows, item="Song"))
    return blocks


def _clips(
    sounds: Sounds,
    track: str,
    systems: Sequence[str],
    measured: Mapping[tuple[str, str, str], Sequence[str]],
    seconds: float,
) -> Iterator[Clip]:
    """Yield the players of one song.

    Args:
        sounds: true sources and estimates.
        track: name of the song.
        systems: names of the systems.
        measured: scores as text, by (system, song, source).
        seconds: length of the excerpt in seconds.
    """
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
        yield clip(f"Vocals by {name}", found, measured.get((system, track, "vocals"), ()))
        yield clip(f"The rest by {name}", left, measured.get((system, track, "accompaniment"), ()))


def _scores(values: Mapping[Hashable, Any]) -> Sequence[str]:
    """Return the scores of one source of one song as text; nothing if they are not defined."""
    usdr, distance = float(values["uSDR"]), float(values["MR-STFT"])
    # Non-breaking hyphen (U+2011): the column under a player is narrow.
    return (f"uSDR {figure(usdr)} dB", f"MR\u2011STFT {figure(distance, 'MR-STFT')}") if np.isfinite(usdr) else ()
