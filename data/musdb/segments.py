"""Random stretches of songs to train separation on, each batch a pure function of (seed, step).

An example is a stretch of vocals, a stretch of accompaniment and their sum. The accompaniment is that of
the vocals' own song, or, as the field does, of another one; both get a gain and a sign of their own, and
are played faster or slower, which shifts their pitch. Most stretches without singing are passed over: they
teach little more than silence.

Only vocals and accompaniment are needed, at one sample rate, as `data.musdb.vocals` keeps them.
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
    """How examples are made.

    Attributes:
        samples: T.
        remix: share of examples whose accompaniment comes from another song.
        silent: share of stretches without singing that is kept.
        gain: range of the gains, of full scale.
        shift: most semitones that pitch is moved by, up or down; 0 moves nothing.
    """

    samples: int
    remix: float = 0.5
    silent: float = 0.05
    gain: tuple[float, float] = (0.25, 1.25)
    shift: float = 0.0

    @property
    def reach(self) -> int:
        """Samples read of a song at most: those of the fastest stretch."""
        return math.ceil(self.samples * 2 ** (self.shift / 12))


class Segments:
    """Batches of (vocals, accompaniment), float32 (B, T, 2K): vocals first."""

    def __init__(self, shards: Shards, split: str, plan: BatchPlan, mixing: Mixing) -> None:
        """Look for songs of `split` that are long enough.

        Args:
            shards: recordings with columns track, source ("vocals" or "accompaniment"), split, singing.
            split: "train", for one.
            plan: size of a batch, seed and share of this process.
            mixing: how examples are made.

        Raises:
            InputError: no song of the split is long enough.
            ValueError: the batch cannot be shared evenly.
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
        self._weights = np.cumsum(frames) / frames.sum()
        self._channels = int(shards.column("channels")[self._pairs[0][0]])
        self._singing = [np.asarray(shards.table["singing"][row].as_py(), bool) for row, _ in self._pairs]

    def load(self, step: int, out: np.ndarray | None = None) -> Batch:
        """Make batch `step`, in `out` (B, T, 2K) if given."""
        values = self._buffer() if out is None else out
        for number, example in zip(self._numbers, values, strict=True):
            self._example(np.random.default_rng([self._seed, step, number]), example)
        return Batch(step, np.array(self._numbers), values, {})

    def stream(self, start: int, stop: int, ahead: int = 2) -> AbstractContextManager[Iterator[Batch]]:
        """Make batches start … stop on a thread, at most `ahead` before they are needed."""
        return read_ahead(self.load, self._buffer, start, stop, ahead)

    def _buffer(self) -> np.ndarray:
        return np.empty((len(self._numbers), self._mixing.samples, 2 * self._channels), np.float32)

    def _example(self, draw: np.random.Generator, example: np.ndarray) -> None:
        """Fill one example, (T, 2K)."""
        mixing, channels = self._mixing, self._channels
        song, start = self._place(draw, singing=draw.random() >= mixing.silent)
        speed, remixed = self._speed(draw), draw.random() < mixing.remix
        other = (*self._place(draw, singing=False), self._speed(draw)) if remixed else (song, start, speed)
        for part, (number, begin, pace) in enumerate(((song, start, speed), other)):
            pcm = self._shards.segment(self._pairs[number][part], begin, round(mixing.samples * pace))
            if len(pcm) != mixing.samples:
                pcm = played(pcm, mixing.samples)
            if channels == 2 and draw.random() < 0.5:
                pcm = pcm[:, ::-1]
            gain = draw.uniform(*mixing.gain) * (1 if draw.random() < 0.5 else -1) / FULL_SCALE
            np.multiply(pcm, np.float32(gain), out=example[:, part * channels : (part + 1) * channels])

    def _speed(self, draw: np.random.Generator) -> float:
        """Return how fast a stretch is played."""
        return 2 ** (draw.uniform(-1, 1) * self._mixing.shift / 12)

    def _place(self, draw: np.random.Generator, *, singing: bool) -> tuple[int, int]:
        """Return a song and where a stretch of it begins; with singing in its middle where asked and there is any."""
        song = int(np.searchsorted(self._weights, draw.random(), side="right"))
        row = self._pairs[song][0]
        last = int(self._shards.column("frames")[row]) - self._mixing.reach
        seconds = np.flatnonzero(self._singing[song])
        if not singing or len(seconds) == 0:
            return song, int(draw.integers(last + 1))
        rate = int(self._shards.column("sample_rate")[row])
        middle = int((seconds[draw.integers(len(seconds))] + draw.random()) * rate)
        return song, int(np.clip(middle - self._mixing.samples // 2, 0, last))


def played(pcm: np.ndarray, samples: int) -> np.ndarray:
    """Return int16 sound (T, K) played so fast that it lasts `samples` samples, float32."""
    found = resample(pcm.astype(np.float32), len(pcm), samples)[:samples]
    return np.pad(found, ((0, samples - len(found)), (0, 0)))
