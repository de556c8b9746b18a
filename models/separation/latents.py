"""Songs as latent frames, in shards: what the denoiser learns on. Scaled to unit variance by their own statistics.

Kept are vocals and mixture of every song, float16, and with the index mean and standard deviation of each
latent channel over the training songs: diffusion assumes unit variance, and a wrong scale is the classic
defect of latent diffusion.

Shapes: B batch, D latent channels, N frames, T samples, K channels of sound.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from data.audio import FULL_SCALE
from data.errors import InputError
from data.loader import Batch, read_ahead
from data.progress import Listener, Progress, ignore
from data.reader import Shards
from data.shards import Record, ShardWriter, shard_name
from models.separation.codec import Codec

WHAT = ("vocals", "mixture")
_STRETCH, _MARGIN = 2048, 32  # latent frames encoded at once, and how many more on each side


@dataclass(frozen=True)
class Scaling:
    """Mean and standard deviation of each latent channel, (D, 1) both."""

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, shards: Shards) -> "Scaling":
        """Return the scaling kept with the latents `shards`."""
        return cls.told(shards.facts)

    @classmethod
    def told(cls, facts: Mapping[str, Any]) -> "Scaling":
        """Return the scaling of the lists "mean" and "deviation"."""
        return cls(*(torch.tensor(facts[name])[:, None] for name in ("mean", "deviation")))

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


def write_latents(folder: Path, songs: Path, codec: Codec, device: torch.device, listener: Listener = ignore) -> int:
    """Write vocals and mixture of the songs in the shards `songs` as latents and return how many channels that are.

    Stopped and called again, it goes on.
    """
    shards, writer = Shards(songs), ShardWriter(folder)
    vocals, rest = (shards.rows(source=source) for source in ("vocals", "accompaniment"))
    todo = [(int(row), int(other), channel) for row, other in zip(vocals, rest, strict=True)
            for channel in range(int(shards.column("channels")[row]))]  # fmt: skip
    progress = Progress("encode songs", total=len(todo), unit="channels", listener=listener)
    first = writer.consumed // len(WHAT)
    progress.skip(first)
    already = writer.consumed - first * len(WHAT)
    for row, other, channel in todo[first:]:
        for record in islice(_encoded(shards, row, other, channel, codec, device), already, None):
            writer.add(record)
        already = 0
        progress.advance()
    writer.flush()
    labels = {f"{_id(shards, row, channel)}-{what}": (row, what) for row, _, channel in todo for what in WHAT}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        for name in ("track", "split"):
            column = shards.column(name)
            rows = rows.append_column(name, pa.array([column[row] for row, _ in found], pa.string()))
        return rows.append_column("source", pa.array([what for _, what in found], pa.string()))

    mean, deviation = _statistics(folder, writer, labels, shards)
    writer.commit(annotate, mean=mean, deviation=deviation)
    progress.finish()
    return len(todo)


def _id(shards: Shards, row: int, channel: int) -> str:
    return f"{shards.column('id')[row]}-{channel}"


def _encoded(
    shards: Shards, row: int, other: int, channel: int, codec: Codec, device: torch.device
) -> Iterator[Record]:
    """Yield the latents of vocals and mixture of one channel of a song, float16 (N, D)."""
    vocals, rest = (shards.read(one)[:, channel].astype(np.float32) / FULL_SCALE for one in (row, other))
    rate = codec.config.sample_rate / codec.config.hop
    for what, wave in zip(WHAT, (vocals, vocals + rest), strict=True):
        frames = encode_long(codec, wave, device).astype(np.float16)
        if not np.isfinite(frames).all():
            raise FloatingPointError(
                f"a latent of {_id(shards, row, channel)} is beyond float16; train the codec again"
            )
        yield Record(f"{_id(shards, row, channel)}-{what}", frames, rate)


def encode_long(codec: Codec, wave: np.ndarray, device: torch.device) -> np.ndarray:
    """Return the latent of sound of any length, (T,) float32: (N, D) float32, in memory for a minute or so.

    Stretches are encoded with frames more at both ends than the convolutions reach, so it is the latent of the whole.
    """
    hop, count, found = codec.config.hop, -(-len(wave) // codec.config.hop), []
    for start in range(0, count, _STRETCH):
        begin = max(0, start - _MARGIN)
        piece = wave[begin * hop : (start + _STRETCH + _MARGIN) * hop]
        with torch.no_grad():
            latent = codec.encode(torch.from_numpy(piece)[None].to(device))[0].T  # (N, D)
        found.append(latent[start - begin :][:_STRETCH].float().cpu().numpy())
    return np.concatenate(found)


def _statistics(
    folder: Path, writer: ShardWriter, labels: dict[str, tuple[int, str]], songs: Shards
) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each channel over the training songs, read back from the shards."""
    count, total, squares = 0, 0.0, 0.0
    for rows in writer.rows():
        for one in rows.to_pylist():
            if songs.column("split")[labels[one["id"]][0]] != "train":
                continue
            with open(folder / shard_name(one["shard"]), "rb") as file:
                file.seek(one["offset"])
                frames = np.frombuffer(file.read(one["nbytes"]), one["dtype"]).reshape(one["frames"], -1)
            frames = frames.astype(np.float64)
            count, total, squares = count + len(frames), total + frames.sum(0), squares + np.square(frames).sum(0)
    if not count:
        raise InputError(f"{folder}: no training song, so latents have no scale")
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 1e-12))
    return np.asarray(mean).tolist(), np.asarray(deviation).tolist()


class LatentSegments:
    """Batches of stretches of latents, float16 (B, N, 2D): vocals, then mixture; a pure function of (seed, step)."""

    def __init__(
        self, shards: Shards, split: str, batch_size: int, frames: int, *, seed: int, share: tuple[int, int] = (0, 1)
    ) -> None:
        """Look for songs of `split` of at least `frames` frames.

        Raises:
            InputError: there is none.
        """
        rank, world = share
        self._shards, self._frames, self._seed = shards, frames, seed
        self._numbers = range(rank * batch_size // world, (rank + 1) * batch_size // world)
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
