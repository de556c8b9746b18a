"""Makes training examples for separation from random segments of songs; each batch is a pure function of (seed, step).

An example is a segment of vocals and a segment of accompaniment; their sum is the mixture. The accompaniment comes from
the same place of the same song or, as is usual in the field (remixing), from a place drawn on its own. Each of the two
gets a random gain and sign, its stereo channels may be swapped, and it is played faster or slower, which shifts its
pitch. Most segments without singing are avoided, because they teach little more than silence.

All artists are drawn equally often, and the songs of an artist in proportion to their length, so that one who has many
songs, or a corpus of few singers with much material, does not outweigh the others.

With `Mixing.level`, an example is then scaled as the whole song would be: the mixture of both recordings from beginning
to end, at these gains, gets that level; the powers of both are added, as of sounds that do not depend on each other. A
quiet verse stays a quiet verse of a song at a known level.

Only vocals and accompaniment at one sample rate are needed, as `data.musdb.vocals` stores them.

Shapes: B batch, T samples, K channels.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from data.errors import InputError
from data.files.audio import FULL_SCALE, resample
from data.shards.loader import Batch, BatchPlan, read_ahead
from data.shards.reader import Shards


@dataclass(frozen=True)
class Mixing:
    """Settings for making examples.

    Attributes:
        samples: length T of an example in samples.
        remix: probability that the accompaniment is drawn on its own, from any song of the split.
        silent: probability that the vocals are drawn from any place of a song; otherwise from around a second with
            singing.
        gain: range of the uniformly drawn gain factors.
        shift: largest pitch shift in semitones, up or down; 0 for none.
        level: root mean square, relative to full scale, that the mixture of the whole songs of an example is brought
            to; 0 leaves examples as they are.
    """

    samples: int
    remix: float = 0.5
    silent: float = 0.05
    gain: tuple[float, float] = (0.25, 1.25)
    shift: float = 0.0
    level: float = 0.0

    @property
    def reach(self) -> int:
        """Largest number of samples read from a song for one example: that of the fastest playback."""
        return math.ceil(self.samples * 2 ** (self.shift / 12))


class Segments:
    """Training batches of (vocals, accompaniment), float32, (B, T, 2K): the channels of the vocals first.

    Values may exceed [-1, 1] if gains are above 1. `Batch.rows` holds positions within the batch; there are no labels.

    Example:
        >>> segments = Segments(Shards(folder), "train", BatchPlan(size=16, seed=0), Mixing(samples=44_100))
        >>> segments.load(step=0).values.shape  # (16, 44100, 2K)
    """

    def __init__(self, shards: Shards, split: str, plan: BatchPlan, mixing: Mixing) -> None:
        """Find the songs of `split` that are long enough.

        Args:
            shards: recordings with the columns track, source ("vocals" or "accompaniment"), split and singing.
            split: split to draw from, such as "train".
            plan: size of a batch, seed and share of this process.
            mixing: settings for making examples.

        Raises:
            InputError: no song of the split is long enough.
            ValueError: the batch size is not a multiple of the number of processes.
        """
        self._shards, self._mixing, self._seed, self._numbers = shards, mixing, plan.seed, plan.numbers
        rows = {
            source: dict(zip(shards.column("track")[found].tolist(), found.tolist(), strict=True))
            for source in ("vocals", "accompaniment")
            for found in [shards.rows(split=split, source=source)]
        }
        both = sorted(set(rows["vocals"]) & set(rows["accompaniment"]))
        long = [one for one in both if shards.column("frames")[rows["vocals"][one]] >= mixing.reach]
        if not long:
            raise InputError(
                f"{shards.folder}: no song of the split {split!r} lasts {mixing.reach} samples; "
                "more or longer songs are needed"
            )
        self._pairs = [(rows["vocals"][one], rows["accompaniment"][one]) for one in long]
        frames = np.array([shards.column("frames")[row] for row, _ in self._pairs])
        self._weights = np.cumsum(_balanced(long, frames))
        self._channels = int(shards.column("channels")[self._pairs[0][0]])
        self._powers: dict[int, float] = {}  # mean square of a recording, by its row, from when it was first needed
        self._singing = [np.asarray(shards.table["singing"][row].as_py(), bool) for row, _ in self._pairs]

    def load(self, step: int, out: np.ndarray | None = None) -> Batch:
        """Make batch `step`, in the buffer `out`, float32, (B, T, 2K), if one is given."""
        values = self._buffer() if out is None else out
        for number, example in zip(self._numbers, values, strict=True):
            self._example(np.random.default_rng([self._seed, step, number]), example)
        return Batch(step, np.array(self._numbers), values, {})

    def stream(self, start: int, stop: int, loaders: int = 1) -> AbstractContextManager[Iterator[Batch]]:
        """Context manager: an iterator over the batches of steps start to stop - 1, made ahead by threads."""
        return read_ahead(self.load, self._buffer, start, stop, loaders)

    def _buffer(self) -> np.ndarray:
        """Return an uninitialised buffer for one batch."""
        return np.empty((len(self._numbers), self._mixing.samples, 2 * self._channels), np.float32)

    def _example(self, draw: np.random.Generator, example: np.ndarray) -> None:
        """Fill one example, (T, 2K)."""
        mixing, channels = self._mixing, self._channels
        song, start = self._place(draw, singing=draw.random() >= mixing.silent)
        speed, remixed = self._speed(draw), draw.random() < mixing.remix
        other = (*self._place(draw, singing=False), self._speed(draw)) if remixed else (song, start, speed)
        power = 0.0
        for part, (number, begin, pace) in enumerate(((song, start, speed), other)):
            pcm = self._shards.segment(self._pairs[number][part], begin, round(mixing.samples * pace))
            if len(pcm) != mixing.samples:
                pcm = played(pcm, mixing.samples)
            if channels == 2 and draw.random() < 0.5:
                pcm = pcm[:, ::-1]
            gain = draw.uniform(*mixing.gain) * (1 if draw.random() < 0.5 else -1) / FULL_SCALE
            np.multiply(pcm, np.float32(gain), out=example[:, part * channels : (part + 1) * channels])
            if mixing.level:
                power += gain**2 * self._power(self._pairs[number][part])
        if power:
            example *= np.float32(mixing.level / math.sqrt(power))

    def _power(self, row: int) -> float:
        """Return the mean square of a whole recording, in int16 units."""
        if row not in self._powers:
            self._powers[row] = float(np.square(self._shards.read(row), dtype=np.float64).mean())
        return self._powers[row]

    def _speed(self, draw: np.random.Generator) -> float:
        """Return a random playback speed, between -`shift` and `shift` semitones."""
        return 2 ** (draw.uniform(-1, 1) * self._mixing.shift / 12)

    def _place(self, draw: np.random.Generator, *, singing: bool) -> tuple[int, int]:
        """Return a random song and the start of a segment in samples.

        With `singing`, the middle of the segment is in a
        second with singing, unless the song has none or the segment would exceed the song.
        """
        song = int(np.searchsorted(self._weights, draw.random(), side="right"))
        row = self._pairs[song][0]
        last = int(self._shards.column("frames")[row]) - self._mixing.reach
        seconds = np.flatnonzero(self._singing[song])
        if not singing or len(seconds) == 0:
            return song, int(draw.integers(last + 1))
        rate = int(self._shards.column("sample_rate")[row])
        middle = int((seconds[draw.integers(len(seconds))] + draw.random()) * rate)
        return song, int(np.clip(middle - self._mixing.samples // 2, 0, last))


def _balanced(tracks: list[str], frames: np.ndarray) -> np.ndarray:
    """Return the probability of each song of the names `tracks` ("Artist - Title") and lengths `frames`, (songs,)."""
    artists = [name.split(" - ", 1)[0] for name in tracks]
    total = dict.fromkeys(artists, 0)
    for artist, length in zip(artists, frames.tolist(), strict=True):
        total[artist] += length
    return np.array([length / total[artist] for artist, length in zip(artists, frames, strict=True)]) / len(total)


def played(pcm: np.ndarray, samples: int) -> np.ndarray:
    """Return int16 audio, (T, K), resampled to last `samples` samples: float32, (samples, K), in int16 units."""
    found = resample(pcm.astype(np.float32), len(pcm), samples)[:samples]
    if len(found) == samples:
        return found
    return np.pad(found, ((0, samples - len(found)), (0, 0)))
