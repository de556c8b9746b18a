"""Songs as latent frames, in shards: what the denoiser learns on. Scaled to unit variance by their own statistics.

Kept are vocals and mixture of every song, and of remixes of the training songs, float16, and with the index
mean and standard deviation of each latent channel over all that is trained on: diffusion assumes unit
variance, and a wrong scale is the classic defect of latent diffusion.

Shapes: B batch, D latent channels, N frames, T samples, K channels of sound.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from data.errors import InputError, NotFiniteError
from data.execution import Execution
from data.files.audio import FULL_SCALE
from data.musdb.segments import Mixing, Segments
from data.progress import Progress
from data.shards.loader import Batch, BatchPlan, read_ahead
from data.shards.reader import Shards
from data.shards.units import Labelling, Unit, write_units
from data.shards.writer import Record, ShardWriter, shard_name
from models.separation.codec import AnyCodec
from models.separation.config import LatentSet

WHAT = ("vocals", "mixture")
_STRETCH = 2048  # latent frames encoded at once


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each latent channel, (D, 1) both."""

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, shards: Shards) -> "Scaling":
        """Return the scaling kept with the latents `shards`."""
        return cls.from_lists(shards.metadata)

    @classmethod
    def from_lists(cls, metadata: Mapping[str, Any]) -> "Scaling":
        """Return the scaling of the lists "mean" and "deviation"."""
        return cls(*(torch.tensor(metadata[name])[:, None] for name in ("mean", "deviation")))

    def to(self, device: torch.device) -> "Scaling":
        return Scaling(self.mean.to(device), self.deviation.to(device))

    def normalise(self, latent: Tensor) -> Tensor:
        """Return (…, D, N) with zero mean and unit variance."""
        return (latent - self.mean) / self.deviation

    def restore(self, latent: Tensor) -> Tensor:
        """Undo `normalise`."""
        return latent * self.deviation + self.mean

    def normalised(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return vocals and mixture (B, D, N) of a batch (B, N, 2D), normalised."""
        vocals, mixture = values.transpose(1, 2).chunk(2, 1)
        return self.normalise(vocals), self.normalise(mixture)


@dataclass(frozen=True)
class _Source:
    """Sound to be encoded: `waves` returns vocals and mixture, (T,) float32 both."""

    id: str
    track: str
    split: str
    waves: Callable[[], tuple[np.ndarray, np.ndarray]]


def write_latents(execution: Execution, songs: Path, codec: AnyCodec, config: LatentSet) -> dict[str, int]:
    """Write the songs in the shards `songs` and remixes of the training songs as latents, as shards.

    Stopped and called again, it goes on.

    Args:
        execution: the folder of the shards, and the device.
        songs: shards of vocals and accompaniment.
        codec: whose encoder makes the latents.
        config: how many remixes, and how they are made.

    Returns:
        How many "channels" were encoded, "remixes" among them.
    """
    shards, device = Shards(songs), torch.device(execution.device)
    todo = [*_channels(shards), *_remixes(shards, codec, config)]
    known = {f"{source.id}-{what}": (source, what) for source in todo for what in WHAT}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [known[one] for one in rows["id"].to_pylist()]
        columns = {
            "track": [source.track for source, _ in found],
            "split": [source.split for source, _ in found],
            "source": [what for _, what in found],
        }
        for name, values in columns.items():
            rows = rows.append_column(name, pa.array(values, pa.string()))
        return rows

    def scale(writer: ShardWriter) -> dict[str, list[float]]:
        return _statistics(writer, {name: source.split for name, (source, _) in known.items()})

    units = [Unit(len(WHAT), partial(_encoded, source, codec, device)) for source in todo]
    progress = Progress("encode songs", total=len(known), unit="latents", listener=execution.listener)
    write_units(execution.folder, units, progress, Labelling(annotate, scale))
    return {"channels": len(todo), "remixes": sum(not source.track for source in todo)}


def _channels(shards: Shards) -> Iterator[_Source]:
    """Yield every channel of every song."""
    labels = {name: shards.column(name) for name in ("id", "track", "split")}

    def waves(row: int, other: int, channel: int) -> tuple[np.ndarray, np.ndarray]:
        vocals, rest = (shards.read(one)[:, channel].astype(np.float32) / FULL_SCALE for one in (row, other))
        return vocals, vocals + rest

    for row, other in zip(*(shards.rows(source=source) for source in ("vocals", "accompaniment")), strict=True):
        for channel in range(int(shards.column("channels")[row])):
            name = f"{labels['id'][row]}-{channel}"
            yield _Source(
                name,
                str(labels["track"][row]),
                str(labels["split"][row]),
                partial(waves, int(row), int(other), channel),
            )


def _remixes(shards: Shards, codec: AnyCodec, config: LatentSet) -> Iterator[_Source]:
    """Yield as many augmented examples as asked for: latents cannot be remixed, so sound is, once, before."""
    mixing = Mixing(config.frames * codec.config.hop, config.augmentation.remix, shift=config.augmentation.shift)

    def waves(segments: Segments, number: int) -> tuple[np.ndarray, np.ndarray]:
        values = segments.load(number).values[0]  # (T, 2K)
        channel = number % (values.shape[1] // 2)
        vocals, rest = values[:, channel], values[:, values.shape[1] // 2 + channel]
        return vocals, vocals + rest

    if config.remixes:
        segments = Segments(shards, "train", BatchPlan(1, config.seed), mixing)
        for number in range(config.remixes):
            yield _Source(f"remix-{number:06d}", "", "train", partial(waves, segments, number))


def _encoded(source: _Source, codec: AnyCodec, device: torch.device) -> Iterator[Record]:
    """Yield the latents of vocals and mixture, float16 (N, D)."""
    rate = codec.config.sample_rate / codec.config.hop
    for what, wave in zip(WHAT, source.waves(), strict=True):
        frames = encode_long(codec, wave, device).astype(np.float16)
        if not np.isfinite(frames).all():
            raise NotFiniteError(f"a latent of {source.id} is beyond float16; train the codec again")
        yield Record(f"{source.id}-{what}", frames, rate)


def encode_long(codec: AnyCodec, wave: np.ndarray, device: torch.device) -> np.ndarray:
    """Return the latent of sound of any length, (T,) float32: (N, D) float32.

    Stretches are encoded with as many frames more at both ends as the codec reaches, so it is the latent of the
    whole, in memory for a minute or so. A codec without a bound is given the whole at once.
    """
    hop, reach, count, found = codec.config.hop, codec.reach, -(-len(wave) // codec.config.hop), []
    stretch, margin = (count, 0) if reach is None else (_STRETCH, reach)
    for start in range(0, count, stretch):
        begin = max(0, start - margin)
        piece = wave[begin * hop : (start + stretch + margin) * hop]
        with torch.no_grad():
            latent = codec.encode(torch.from_numpy(piece)[None].to(device))[0].T  # (N, D)
        found.append(latent[start - begin :][:stretch].float().cpu().numpy())
    return np.concatenate(found)


def _statistics(writer: ShardWriter, splits: dict[str, str]) -> dict[str, list[float]]:
    """Return mean and standard deviation of each channel over what is trained on, read back from the shards."""
    count, total, squares = 0, 0.0, 0.0
    for rows in writer.rows():
        for one in rows.to_pylist():
            if splits[one["id"]] != "train":
                continue
            with open(writer.folder / shard_name(one["shard"]), "rb") as file:
                file.seek(one["offset"])
                frames = np.frombuffer(file.read(one["nbytes"]), one["dtype"]).reshape(one["frames"], -1)
            frames = frames.astype(np.float64)
            count, total, squares = count + len(frames), total + frames.sum(0), squares + np.square(frames).sum(0)
    if not count:
        raise InputError(f"{writer.folder}: no training song, so latents have no scale")
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 1e-12))
    return {"mean": np.asarray(mean).tolist(), "deviation": np.asarray(deviation).tolist()}


class LatentSegments:
    """Batches of stretches of latents, float16 (B, N, 2D): vocals, then mixture; a pure function of (seed, step)."""

    def __init__(self, shards: Shards, split: str, plan: BatchPlan, frames: int) -> None:
        """Look for songs of `split` of at least `frames` frames.

        Raises:
            InputError: there is none.
        """
        self._shards, self._frames, self._seed, self._numbers = shards, frames, plan.seed, plan.numbers
        vocals, mixture = (shards.rows(split=split, source=what) for what in WHAT)
        lengths = shards.column("frames")
        self._pairs = [(int(a), int(b)) for a, b in zip(vocals, mixture, strict=True) if lengths[a] >= frames]
        if not self._pairs:
            raise InputError(f"{shards.folder}: no song of the split {split!r} has {frames} latent frames")
        long = np.array([lengths[row] for row, _ in self._pairs])
        self._weights = np.cumsum(long) / long.sum()

    def load(self, step: int, out: np.ndarray | None = None) -> Batch:
        """Read batch `step`, into `out` if given."""
        values = self._buffer() if out is None else out
        for number, example in zip(self._numbers, values, strict=True):
            draw = np.random.default_rng([self._seed, step, number])
            pair = self._pairs[int(np.searchsorted(self._weights, draw.random(), side="right"))]
            start = int(draw.integers(int(self._shards.column("frames")[pair[0]]) - self._frames + 1))
            example[:] = np.concatenate([self._shards.segment(row, start, self._frames) for row in pair], 1)
        return Batch(step, np.array(self._numbers), values, {})

    def stream(self, start: int, stop: int, ahead: int = 2) -> AbstractContextManager[Iterator[Batch]]:
        """Read batches start … stop on a thread, at most `ahead` before they are needed."""
        return read_ahead(self.load, self._buffer, start, stop, ahead)

    def _buffer(self) -> np.ndarray:
        dimension = int(self._shards.column("channels")[self._pairs[0][0]])
        return np.empty((len(self._numbers), self._frames, 2 * dimension), np.float16)
