"""Makes training examples of singing with accompaniment; each batch is a pure function of (seed, step).

An example is a segment of a voice and the same with an accompaniment mixed in. The ratio of both is set on sung frames,
because the level of a voice over a whole segment says little about how well it is heard while it sings. The voice may
be played faster or slower, which shifts its pitch; its target F0 is shifted with it.

Shapes: B batch, T samples, N = 1 + floor(T / 160) frames.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.audio import resample, to_float
from data.shards.loader import Batch, BatchPlan, epoch_order, read_ahead
from data.shards.reader import Shards
from data.voices.config import Mixing
from data.voices.index import HOP, Clip, Voices, frames_of
from data.voices.targets import ENERGY_FLOOR

_SUNG_DB = 35.0  # without targets, a frame this far below the loudest one, or less, counts as sung
_QUIET = math.log(ENERGY_FLOOR)


@dataclass(frozen=True)
class Material:
    """What examples are made from.

    Attributes:
        voices: folder of the voices shards.
        targets: folder of the targets shards (`data.voices.targets`); None where no targets are wanted.
        split: split of the voices and of the accompaniments.
        singers: names of the singers to draw from; empty for all of the split.
        other: whether the named singers are those to leave out.
    """

    voices: Path
    targets: Path | None = None
    split: str = "train"
    singers: tuple[str, ...] = ()
    other: bool = False


class VoiceSegments:
    """Training batches of singing: `Batch.values` is float32, (B, T, 2), the voice first and then the mixture.

    Voice and mixture have the same gain and sign; where no accompaniment is mixed in they are equal. Values stay within
    [-1, 1]: an example that would exceed it is scaled down. A clip shorter than T ends in silence. `Batch.labels` holds

    - "singer": number of the singer in `singers`, int64, (B,);
    - "target": F0 in Hz, energy and voicing, float32, (B, N, 3), of the voice as it is in the example; without targets
      its F0 and voicing are zero;
    - "inside": 1 for frames of the recording, 0 for those after its end, float32, (B, N);
    - "snr": ratio of voice to accompaniment in dB, infinite where there is none, float32, (B,).

    `Batch.rows` holds index rows of the voices. The order of clips depends on (seed, epoch), and all draws on (seed,
    step, number of the example). A clip counts once in an epoch for every T samples that it lasts.

    Attributes:
        singers: names of the singers, sorted; all those of the shards, so that numbers do not depend on the split.
        per_epoch: number of batches in an epoch.

    Example:
        >>> segments = VoiceSegments(Material(voices, targets), BatchPlan(size=16, seed=0), Mixing(samples=32_000))
        >>> batch = segments.load(step=0)
        >>> voice, mixture = batch.values[..., 0], batch.values[..., 1]  # (16, 32000) each
        >>> batch.labels["target"].shape  # (16, 201, 3)
    """

    def __init__(self, material: Material, plan: BatchPlan, mixing: Mixing) -> None:
        """Find the clips.

        Raises:
            InputError: there is no voice of these singers in the split, a target is missing, or accompaniments are
                wanted and the split has none.
            ValueError: the batch size is not a multiple of the number of processes.
        """
        self._voices, self._mixing, self._plan = Voices(material.voices), mixing, plan
        self.singers = self._voices.singers()
        clips = [
            one
            for one in self._voices.sung(material.split)
            if not material.singers or (one.singer in material.singers) != material.other
        ]
        if not clips:
            who = f"of {', '.join(material.singers)} " if material.singers else ""
            raise InputError(f"{material.voices}: no singing {who}in the split {material.split!r}; add recordings")
        self._clips = [one for one in clips for _ in range(max(1, round(one.samples / mixing.samples)))]
        self._others = self._voices.accompaniments(material.split) if mixing.probability > 0 else []
        if mixing.probability > 0 and not self._others:
            raise InputError(
                f"{material.voices}: no accompaniment in the split {material.split!r}; "
                "add songs with accompaniment, or set the probability of accompaniment to 0"
            )
        self._targets = None if material.targets is None else _Targets(material.targets, clips)
        self._numbers = plan.numbers
        self.per_epoch = max(1, len(self._clips) // plan.size)

    def load(self, step: int, out: np.ndarray | None = None) -> Batch:
        """Make batch `step`, in the buffer `out`, float32, (B, T, 2), if one is given."""
        values = self._buffer() if out is None else out
        frames, count = frames_of(self._mixing.samples), len(values)
        labels = {
            "singer": np.zeros(count, np.int64),
            "target": np.zeros((count, frames, 3), np.float32),
            "inside": np.zeros((count, frames), np.float32),
            "snr": np.full(count, np.inf, np.float32),
        }
        rows = np.zeros(count, np.int64)
        for place, number in enumerate(self._numbers):
            clip = self._clip(step, number)
            draw = np.random.default_rng([self._plan.seed, step, number])
            example = _Example(values[place], labels["target"][place], labels["inside"][place])
            labels["snr"][place] = self._fill(example, clip, draw)
            labels["singer"][place], rows[place] = self.singers.index(clip.singer), clip.voice
        return Batch(step, rows, values, labels)

    def stream(self, start: int, stop: int, loaders: int = 1) -> AbstractContextManager[Iterator[Batch]]:
        """Context manager: an iterator over the batches of steps start to stop - 1, made ahead by threads."""
        return read_ahead(self.load, self._buffer, start, stop, loaders)

    def _buffer(self) -> np.ndarray:
        """Return an uninitialised buffer for one batch."""
        return np.empty((len(self._numbers), self._mixing.samples, 2), np.float32)

    def _clip(self, step: int, number: int) -> Clip:
        """Return the clip of an example; the order of an epoch is a permutation, and epochs follow each other."""
        epoch, position = divmod(step * self._plan.size + number, len(self._clips))
        return self._clips[int(epoch_order(len(self._clips), self._plan.seed, epoch)[position])]

    def _fill(self, example: "_Example", clip: Clip, draw: np.random.Generator) -> float:
        """Fill an example, and return its ratio of voice to accompaniment in dB, infinite without accompaniment."""
        mixing, samples = self._mixing, self._mixing.samples
        speed = 2 ** (draw.uniform(-1, 1) * mixing.shift / 12)
        gain = 10 ** (draw.uniform(*mixing.gain) / 20)
        mixed, snr, own = draw.random() < mixing.probability, draw.uniform(*mixing.snr), draw.random() < mixing.own
        reach = min(clip.samples, round(samples * speed))
        start = HOP * int(draw.integers((clip.samples - reach) // HOP + 1))
        voice = self._segment(clip.voice, start, reach)
        if mixing.shift:
            voice = resample(voice, speed, 1.0)
        voice = _fitted(voice, samples)
        length = min(samples, math.ceil(reach / speed))
        self._target(example, clip, (start, speed, length), voice)
        accompaniment = None
        if mixed:
            accompaniment = self._accompaniment(clip, start, draw, own=own and not mixing.shift)
        sign = 1.0 if draw.random() < 0.5 else -1.0
        return example.mix(voice, accompaniment, snr, sign * gain)

    def _segment(self, row: int, start: int, length: int) -> np.ndarray:
        """Return part of a record as float32, (length,)."""
        return to_float(self._voices.shards.segment(row, start, length)[:, 0])

    def _accompaniment(self, clip: Clip, start: int, draw: np.random.Generator, *, own: bool) -> np.ndarray:
        """Return an accompaniment, (T,); one that is too short is repeated."""
        samples, other = self._mixing.samples, self._others[int(draw.integers(len(self._others)))]
        length = int(self._voices.shards.column("frames")[other.accompaniment])
        begin = int(draw.integers(max(1, length - samples + 1)))
        if own and clip.accompaniment >= 0:
            other, length, begin = clip, clip.samples, start
        wave = self._segment(other.accompaniment, begin, min(samples, length - begin))
        return np.resize(wave, samples) if other is not clip else _fitted(wave, samples)

    def _target(self, example: "_Example", clip: Clip, place: tuple[int, float, int], voice: np.ndarray) -> None:
        """Fill the targets: `place` is the first sample in the clip, the speed, and the length in the example."""
        start, speed, length = place
        inside = frames_of(length)
        example.inside[:inside] = 1
        example.target[..., 1] = _QUIET
        if self._targets is None:
            return
        known = self._targets.read(clip.id)
        where = start / HOP + np.arange(inside) * speed
        nearest = np.minimum(np.rint(where).astype(int), len(known) - 1)
        below = np.minimum(where.astype(int), len(known) - 1)
        above = np.minimum(below + 1, len(known) - 1)
        share = (where - below).clip(0, 1)
        hertz, found = known[:, 0], known[nearest]
        both = (hertz[below] > 0) & (hertz[above] > 0) & (found[:, 2] > 0)
        line = hertz[below] ** (1 - share) * hertz[above] ** share
        example.target[:inside, 0] = np.where(both, line, found[:, 0]) * speed
        example.target[:inside, 1] = (1 - share) * known[below, 1] + share * known[above, 1]
        example.target[:inside, 2] = found[:, 2]


class _Targets:
    """The targets of clips."""

    def __init__(self, folder: Path, clips: list[Clip]) -> None:
        """Open the targets.

        Raises:
            InputError: a clip has no target.
        """
        self._shards = Shards(folder)
        self._rows = {str(one): row for row, one in enumerate(self._shards.column("id"))}
        for one in clips:
            if one.id not in self._rows:
                raise InputError(f"{folder}: no target of {one.id}; make the targets of these voices anew")

    def read(self, clip: str) -> np.ndarray:
        """Return the target of a clip, (N, 3)."""
        return self._shards.read(self._rows[clip])


@dataclass(frozen=True)
class _Example:
    """The arrays of one example: values (T, 2), target (N, 3), inside (N,)."""

    values: np.ndarray
    target: np.ndarray
    inside: np.ndarray

    def mix(self, voice: np.ndarray, accompaniment: np.ndarray | None, snr: float, gain: float) -> float:
        """Write voice and mixture at `gain`, and return the ratio of both in dB, infinite if there is nothing mixed."""
        ratio, mixture = math.inf, voice
        if accompaniment is not None:
            sung = self._sung(voice)
            power, other = (float(np.square(one[sung], dtype=np.float64).mean()) for one in (voice, accompaniment))
            if other > 0 and power > 0:
                ratio = snr
                mixture = voice + np.float32(math.sqrt(power / other) * 10 ** (-snr / 20)) * accompaniment
        peak = max(float(np.abs(one).max()) for one in (voice, mixture)) * abs(gain)
        gain /= max(1.0, peak)
        np.multiply(voice, np.float32(gain), out=self.values[:, 0])
        np.multiply(mixture, np.float32(gain), out=self.values[:, 1])
        self.target[:, 1] = np.maximum(self.target[:, 1] + math.log(abs(gain)), _QUIET)
        return ratio

    def _sung(self, voice: np.ndarray) -> np.ndarray:
        """Return which samples are sung, (T,): by the targets, or else by loudness; all if none are."""
        frames = self.target[:, 2] > 0
        if not frames.any():
            level = np.square(voice[: len(voice) // HOP * HOP].reshape(-1, HOP), dtype=np.float64).mean(1)
            frames = np.append(level > level.max() * 10 ** (-_SUNG_DB / 10), False)
        sung = np.repeat(frames, HOP)[: len(voice)]
        return sung if sung.any() else np.ones(len(voice), bool)


def _fitted(wave: np.ndarray, samples: int) -> np.ndarray:
    """Return a wave cut to, or filled with silence to, `samples` samples."""
    return np.pad(wave[:samples], (0, max(0, samples - len(wave)))).astype(np.float32)
