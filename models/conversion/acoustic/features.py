"""Writes the training material of the acoustic model as shards: melody, content and mel spectrogram of every clip.

    voice ── formants moved ── with accompaniment ── extractor ── melody ──┐
                                      └───────────── recogniser ─ content ─┤ of the same frames
    voice ── pitch shifted, formants kept ──────────────────────── mel ────┘

Each training clip is stored as it is ("clean") and in altered copies ("copy1" …; see `FeatureSet`). Where the pitch is
shifted, the voice is played faster or slower, and melody and content are stretched with it.

Shapes: T samples, M content frames at 25 Hz, N = 4·M melody frames at 100 Hz, E extracted features.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.errors import InputError
from data.execution import Execution
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Record
from data.voices.index import Clip, Voices
from models.conversion.acoustic.config import FeatureSet
from models.conversion.acoustic.inputs import relative_content, relative_energy
from models.conversion.acoustic.perturb import move_formants, shift_pitch
from models.conversion.content.load import Content, load_content
from models.conversion.frames import CONTENT, FRAME_RATE, HOP
from models.conversion.mel import log_mel
from models.conversion.melody.load import Extractor, load_extractor

PARTS = ("melody", "content", "mel", "pitch")
CLEAN = "clean"
_STRIDE = CONTENT * HOP  # samples per content frame
_CENTRE = 1.0  # content frame 0 covers samples 0 to 1359


@dataclass(frozen=True)
class Sources:
    """The folders that the training material is made from.

    Attributes:
        voices: shards of the voices.
        targets: shards of their targets.
        melody: the melody extractor.
        content: the content network.
    """

    voices: Path
    targets: Path
    melody: Path
    content: Path


def write_features(execution: Execution, sources: Sources, config: FeatureSet) -> dict[str, int | float]:
    """Write the training material of the acoustic model; if it is killed and called again, it resumes.

    Four records belong to each clip and copy: "melody", float16, (N, E + 3), the extracted features, F0 in Hz (0 where
    unvoiced), relative energy and voicing; "content", float16, (M, 256), relative content; "mel", float16, (N, 80), the
    mel spectrogram of the clean voice; "pitch", float32, (N, 3), F0, relative energy and voicing of the targets. The
    columns are clip, singer, split ("train" or "valid"), copy and part. The metadata hold the name of the "target".

    Args:
        execution: output folder of the shards, listener, and device of the networks.
        sources: folders of the voices, their targets and the networks.
        config: which copies are made.

    Returns:
        Numbers of "clips", of "copies" (the clips themselves included) and of "frames".

    Raises:
        InputError: there is no voice of the split "train", a target is missing, or copies are to have accompaniments
            and a split has none.

    Example:
        >>> sources = Sources(*map(Path, ("voices", "targets", "melody", "content")))
        >>> write_features(Execution(Path("features")), sources, FeatureSet(copies=3))
    """
    read, device = Voices(sources.voices), torch.device(execution.device)
    clips = [*read.sung("train"), *read.sung("valid")]
    if not read.sung("train"):
        raise InputError(f"{sources.voices}: no singing in the split 'train'; add recordings")
    extractor, content = load_extractor(sources.melody, device), load_content(sources.content, device)
    maker = _Maker(read, Shards(sources.targets), extractor, content, config)
    made = {one.id: maker.copies(one) for one in clips}
    units = [Unit(len(made[one.id]) * len(PARTS), partial(maker.records, one)) for one in clips]
    labels = {
        record_id(one.id, copy, part): (one.id, one.singer, one.split, copy)
        for one in clips
        for copy in made[one.id]
        for part in PARTS
    }
    progress = Progress("features", total=len(labels), unit="records", listener=execution.listener)

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        for place, name in enumerate(("clip", "singer", "split", "copy")):
            rows = rows.append_column(name, pa.array([one[place] for one in found], pa.string()))
        return rows

    labelling = Labelling(annotate, lambda writer: {"target": read.target})
    write_units(execution.folder, units, progress, labelling, SMALL_SHARD_BYTES)
    mel = Shards(execution.folder)
    frames = int(mel.column("frames")[mel.rows(part="mel")].sum())
    return {"clips": len(clips), "copies": len(labels) // len(PARTS), "frames": frames}


def record_id(clip: str, copy: str, part: str) -> str:
    """Return the id of a part of a copy of a clip."""
    return f"{clip}-{copy}-{part}"


@dataclass(frozen=True)
class _Alteration:
    """How a copy differs from its clip: ratio of the formants, speed of the voice, ratio to an accompaniment in dB."""

    warp: float = 1.0
    speed: float = 1.0
    snr: float | None = None


class _Maker:
    """Makes the records of clips."""

    def __init__(
        self, voices: Voices, targets: Shards, extractor: Extractor, content: Content, config: FeatureSet
    ) -> None:
        self._voices, self._targets, self._config = voices, targets, config
        self._extractor, self._content = extractor, content
        self._rows = {str(one): row for row, one in enumerate(targets.column("id"))}
        self._others = {split: voices.accompaniments(split) for split in ("train", "valid")}

    def copies(self, clip: Clip) -> list[str]:
        """Return the names of the copies of a clip."""
        count = self._config.copies if clip.split == "train" else min(1, self._config.copies)
        return [CLEAN, *(f"copy{number}" for number in range(1, count + 1))]

    def records(self, clip: Clip) -> Iterator[Record]:
        """Yield the records of all copies of a clip.

        Raises:
            InputError: the clip has no target, or its split no accompaniment.
        """
        if clip.id not in self._rows:
            raise InputError(f"{self._targets.folder}: no target of {clip.id}; make the targets of these voices anew")
        target = self._targets.read(self._rows[clip.id])
        voice = self._levelled(self._voices.wave(clip.voice), target[:, 2])
        number = int(hashlib.sha256(clip.id.encode()).hexdigest()[:12], 16)
        for place, copy in enumerate(self.copies(clip)):
            draw = np.random.default_rng([self._config.seed, number, place])
            alteration = _Alteration() if copy == CLEAN else self._draw(clip, draw)
            for part, values in self._parts(clip, (voice, target), alteration, draw).items():
                rate = FRAME_RATE / CONTENT if part == "content" else FRAME_RATE
                yield Record(record_id(clip.id, copy, part), values, rate, part)

    def _draw(self, clip: Clip, draw: np.random.Generator) -> _Alteration:
        """Draw an alteration; a validation clip is only mixed, always at the middle of the range."""
        config = self._config
        if clip.split != "train":
            return _Alteration(snr=sum(config.snr) / 2 if config.mixed else None)
        warp = (1 + config.warp) ** draw.uniform(-1, 1)
        speed = 2 ** (draw.uniform(-1, 1) * config.shift / 12)
        mixed, snr = draw.random() < config.mixed, draw.uniform(*config.snr)
        return _Alteration(warp, speed, snr if mixed else None)

    def _parts(
        self, clip: Clip, sung: tuple[np.ndarray, np.ndarray], alteration: _Alteration, draw: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Return the values of the parts of one copy, given the voice (T,) and its target (N, 3)."""
        (voice, target), speed = sung, alteration.speed
        heard = move_formants(voice, alteration.warp)
        if alteration.snr is not None:
            heard = _mixed(heard, self._accompaniment(clip, draw), target[:, 2], alteration.snr)
        melody, content = self._extractor.melody(heard), relative_content(self._content.covering(heard))
        voice = shift_pitch(voice, speed)
        count = -(-len(voice) // _STRIDE)  # content frames that cover the voice
        frames = CONTENT * count
        extracted = _stretched(melody.features, speed, frames)
        f0 = _stretched_f0(melody.f0, speed, frames)
        rest = np.stack([relative_energy(melody.energy, melody.voicing), melody.voicing], 1)
        known = np.stack([relative_energy(target[:, 1], target[:, 2]), target[:, 2]], 1)
        pitch = _stretched_f0(target[:, 0], speed, frames)
        mel = log_mel(torch.from_numpy(np.pad(voice, (0, _STRIDE * count - len(voice))))[None])[0, :frames]
        columns = np.concatenate([extracted, f0[:, None], _stretched(rest, speed, frames)], 1)
        return {
            "melody": columns.astype(np.float16),
            "content": _stretched(content, speed, count, _CENTRE).astype(np.float16),
            "mel": mel.numpy().astype(np.float16),
            "pitch": np.concatenate([pitch[:, None], _stretched(known, speed, frames)], 1).astype(np.float32),
        }

    def _levelled(self, voice: np.ndarray, voicing: np.ndarray) -> np.ndarray:
        """Return a voice at the level of the material, or lower where it would exceed full scale."""
        loud = max(float(np.sqrt(np.square(voice[_samples(voicing, len(voice))], dtype=np.float64).mean())), 1e-6)
        gain = min(10 ** (self._config.level / 20) / loud, 1 / max(float(np.abs(voice).max()), 1e-6))
        return voice * np.float32(gain)

    def _accompaniment(self, clip: Clip, draw: np.random.Generator) -> np.ndarray:
        """Return an accompaniment of the split of a clip, (T,); one that is too short is repeated.

        Raises:
            InputError: the split has none.
        """
        others = self._others[clip.split]
        if not others:
            raise InputError(
                f"{self._voices.shards.folder}: no accompaniment in the split {clip.split!r}; "
                "add songs with accompaniment, or set the probability of accompaniment to 0"
            )
        wave = self._voices.wave(others[int(draw.integers(len(others)))].accompaniment)
        start = int(draw.integers(max(1, len(wave) - clip.samples + 1)))
        return np.resize(wave[start : start + clip.samples], clip.samples)


def _samples(voicing: np.ndarray, count: int) -> np.ndarray:
    """Return which of `count` samples are sung, by the voicing of frames (N,); all if none is."""
    sung = np.repeat(voicing > 0, HOP)[:count]
    return sung if sung.any() else np.ones(count, bool)


def _mixed(voice: np.ndarray, other: np.ndarray, voicing: np.ndarray, snr: float) -> np.ndarray:
    """Return voice and accompaniment together, (T,), at a ratio in dB on sung frames, within full scale."""
    sung = _samples(voicing, len(voice))
    power, noise = (float(np.square(one[: len(sung)][sung], dtype=np.float64).mean()) for one in (voice, other))
    if power == 0 or noise == 0:
        return voice
    total = voice + np.float32((power / noise) ** 0.5 * 10 ** (-snr / 20)) * other
    return total / max(1.0, float(np.abs(total).max()))


def _stretched(values: np.ndarray, speed: float, count: int, centre: float = 0.0) -> np.ndarray:
    """Return `count` frames of (N, K) read at `speed`, interpolated; the last one is repeated beyond the end.

    The middle of frame 0 lies `centre` frames after the beginning of the recording.
    """
    where = ((np.arange(count) + centre) * speed - centre).clip(0, len(values) - 1)
    below = np.minimum(where.astype(int), max(0, len(values) - 2))
    share = (where - below)[:, None]
    return values[below] * (1 - share) + values[np.minimum(below + 1, len(values) - 1)] * share


def _stretched_f0(f0: np.ndarray, speed: float, count: int) -> np.ndarray:
    """Return `count` frames of F0 (N,) read at `speed` and raised by it; 0 where the nearest frame is unvoiced."""
    where = np.minimum(np.arange(count) * speed, len(f0) - 1)
    below = where.astype(int)
    above, nearest = np.minimum(below + 1, len(f0) - 1), f0[np.rint(where).astype(int)]
    both = (f0[below] > 0) & (f0[above] > 0)
    share = where - below
    line = np.where(both, f0[below], 1.0) ** (1 - share) * np.where(both, f0[above], 1.0) ** share
    return speed * np.where(both, line, nearest)
