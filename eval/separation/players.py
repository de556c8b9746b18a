"""Audio players of the separation report: excerpts with the most singing, at equal loudness, worst songs first.

Each row of players is one song: the mixture, the true vocals and, for every system, its vocals and the rest (mixture
minus these vocals).

Shapes: T samples, K channels.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.files.audio import to_float
from data.shards.reader import Shards
from eval.report.blocks import Clip, Players, Text
from eval.report.document import Block
from eval.report.excerpts import MOST_GAIN, extent, level_of, most_energy, picks, player
from eval.separation.tables import by_track, figure, name_of

_SECONDS = 8.0  # longest excerpt


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


def ordered(tracks: pd.DataFrame, system: str) -> list[str]:
    """Return the songs from the lowest to the highest uSDR of a system; songs without a value (NaN) come first.

    Args:
        tracks: one row per (system, song), as `eval.separation.tables.by_track` returns it.
        system: name of the system.
    """
    mine = tracks[tracks["system"] == system].sort_values(["uSDR", "track"], na_position="first")
    return mine["track"].tolist()


def player_blocks(sounds: Sounds, scores: pd.DataFrame, order: Sequence[str], systems: Sequence[str]) -> list[Block]:
    """Return the section "Listen" of the report: an explanation, and players for the chosen songs.

    Args:
        sounds: true sources and estimates.
        scores: rows of scores.parquet (`eval.separation.score.write_scores`).
        order: names of the songs, from the lowest to the highest uSDR of the last of `systems`.
        systems: names of the systems that are played.
    """
    amount = extent(2 + 2 * len(systems), _SECONDS, sounds.sample_rate, sounds.channels)
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
            f"as loud as the mixture (BS.1770) by the dB told under it (“level”): raised by {MOST_GAIN:.0f} dB at "
            "most, and never so far that it clips. “The rest” is the mixture minus the vocals found: what is heard of "
            "the singer there was missed. Scores are of whole songs. Spectrograms: 0 to "
            f"{sounds.sample_rate / 4000:g} kHz, as played."
        )
    ]
    for caption, chosen in picks(order, amount.rows, "songs", f"uSDR of {name_of(systems[-1]).lower()}").items():
        rows = [(track, list(_clips(sounds, track, systems, measured, amount.seconds))) for track in chosen]
        if rows:
            blocks.append(Players(caption, heads, rows, item="Song"))
    return blocks


def clips_of(sounds: Sounds, track: str, systems: Sequence[str], seconds: float) -> list[Clip]:
    """Return players of one song: the mixture, the vocals by each system, the true vocals."""
    mixture, true, *made = _clips(sounds, track, systems, {}, seconds)
    return [mixture, *made[::2], true]


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
    start = most_energy(np.square(vocals, dtype=np.float64).sum(1), length)
    here = slice(start, start + length)
    mixture = (vocals + rest)[here]
    level = level_of(mixture, rate)

    def clip(name: str, wave: np.ndarray | None, words: Sequence[str] = ()) -> Clip:
        return player(f"{name}, {track}, from {start / rate:.1f} s", wave, level, rate, words)

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
    heard = "specific loudness error"
    usdr, error = float(values["uSDR"]), float(values[heard])
    return (f"uSDR {figure(usdr)} dB", f"{heard} {figure(error, heard)}") if np.isfinite(usdr) else ()
