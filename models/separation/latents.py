"""Encodes songs as latent frames in shards, the training data of the denoiser, and normalises latents.

The shards hold the latents of vocals and mixture, float16 and not normalised, of every song and of remixes of the
training songs. Their index also stores the mean and the standard deviation of each latent channel over all training
latents. `Scaling` normalises with them: diffusion assumes unit variance, and a wrong scale is a common error in latent
diffusion.

Shapes: B batch, D latent channels, N latent frames, T samples, K channels of sound.
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
_STRETCH = 2048  # number of latent frames encoded at once


@dataclass(frozen=True)
class Scaling:
    """Normalises latents to zero mean and unit variance per channel.

    Attributes:
        mean: mean of each latent channel, (D, 1).
        deviation: standard deviation of each latent channel, (D, 1).
    """

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, shards: Shards) -> "Scaling":
        """Return the scaling that is stored with shards of latents."""
        return cls.from_lists(shards.metadata)

    @classmethod
    def from_lists(cls, metadata: Mapping[str, Any]) -> "Scaling":
        """Return the scaling of metadata that hold the lists "mean" and "deviation", D numbers each."""
        return cls(*(torch.tensor(metadata[name])[:, None] for name in ("mean", "deviation")))

    def to(self, device: torch.device) -> "Scaling":
        return Scaling(self.mean.to(device), self.deviation.to(device))

    def normalise(self, latent: Tensor) -> Tensor:
        """Return latents (…, D, N) with zero mean and unit variance per channel."""
        return (latent - self.mean) / self.deviation

    def restore(self, latent: Tensor) -> Tensor:
        """Invert `normalise`."""
        return latent * self.deviation + self.mean

    def normalised(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normalised vocals and mixture, (B, D, N) each, of a batch (B, N, 2D) of `LatentSegments`."""
        vocals, mixture = values.transpose(1, 2).chunk(2, 1)
        return self.normalise(vocals), self.normalise(mixture)


@dataclass(frozen=True)
class _Source:
    """Vocals and mixture to be encoded, one channel of a song or of a remix.

    Attributes:
        id: beginning of the ids of the two recordings.
        track: name of the song; "" for a remix.
        split: split of the song; "train" for a remix.
        waves: returns vocals and mixture, both (T,) float32.
    """

    id: str
    track: str
    split: str
    waves: Callable[[], tuple[np.ndarray, np.ndarray]]


def write_latents(execution: Execution, songs: Path, codec: AnyCodec, config: LatentSet) -> dict[str, int]:
    """Encode songs, and remixes of the training songs, and write their latents as shards.

    Each channel of a song is encoded on its own and gives two recordings, float16 (N, D): one of the vocals and one of
    the mixture. The index has the columns "track", "split" and "source" ("vocals" or "mixture"). If it was stopped,
    calling it again resumes.

    Args:
        execution: the folder for the shards, the device, and the listener that receives progress reports.
        songs: folder of shards with vocals and accompaniment of the songs (`data.musdb.vocals`).
        codec: codec whose encoder is used.
        config: number of remixes, and how they are made.

    Returns:
        "channels": number of encoded channels, including remixes. "remixes": number of remixes.

    Raises:
        InputError: there is no training song.
        NotFiniteError: a latent is NaN or exceeds the range of float16.

    Example:
        >>> codec = load_codec(Path("codec"), torch.device("cpu"))
        >>> write_latents(Execution(Path("latents")), Path("songs"), codec, PRESETS["small"].latent_set)
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
    """Yield every channel of every song of every split."""
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
    """Yield `config.remixes` augmented examples of the training songs, of `config.frames` latent frames each.

    Latents cannot be remixed, so the waveforms are, once, before they are encoded.
    """
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
    """Yield the latents of vocals and of mixture, each float16 (N, D)."""
    rate = codec.config.sample_rate / codec.config.hop
    for what, wave in zip(WHAT, source.waves(), strict=True):
        frames = encode_long(codec, wave, device).astype(np.float16)
        if not np.isfinite(frames).all():
            raise NotFiniteError(f"a latent of {source.id} is beyond float16; train the codec again")
        yield Record(f"{source.id}-{what}", frames, rate)


def encode_long(codec: AnyCodec, wave: np.ndarray, device: torch.device) -> np.ndarray:
    """Return the latent (N, D) float32 of a waveform (T,) float32 of any length.

    The waveform is encoded in stretches of 2,048 latent frames, each with additional frames at both ends
    (`AnyCodec.reach`). The result equals the latent of the whole waveform, but memory is limited to about a minute of
    sound. If the codec's reach is None, the whole waveform is encoded at once.
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
    """Return "mean" and "deviation" of each latent channel over all training latents, read from the shards.

    Raises:
        InputError: there are no training latents.
    """
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
    """Training batches of random stretches of latents, each batch a pure function of (seed, step).

    Batches are float16 (B, N, 2D), not normalised: the D channels of the vocals, then those of the mixture. A song is
    drawn with a probability proportional to its length.

    Example:
        >>> segments = LatentSegments(Shards(Path("latents")), "train", BatchPlan(size=16, seed=0), frames=128)
        >>> segments.load(step=0).values.shape
        (16, 128, 96)
    """

    def __init__(self, shards: Shards, split: str, plan: BatchPlan, frames: int) -> None:
        """Select the recordings of a split that are long enough.

        Args:
            shards: shards that `write_latents` wrote.
            split: split of the songs, such as "train".
            plan: batch size, seed, and the share of this process.
            frames: number N of latent frames of an example.

        Raises:
            InputError: no song of the split has `frames` latent frames.
            ValueError: the batch cannot be divided evenly among the processes.
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
        """Read batch `step`, into `out` (B, N, 2D) float16 if given."""
        values = self._buffer() if out is None else out
        for number, example in zip(self._numbers, values, strict=True):
            draw = np.random.default_rng([self._seed, step, number])
            pair = self._pairs[int(np.searchsorted(self._weights, draw.random(), side="right"))]
            start = int(draw.integers(int(self._shards.column("frames")[pair[0]]) - self._frames + 1))
            example[:] = np.concatenate([self._shards.segment(row, start, self._frames) for row in pair], 1)
        return Batch(step, np.array(self._numbers), values, {})

    def stream(self, start: int, stop: int, loaders: int = 1) -> AbstractContextManager[Iterator[Batch]]:
        """Yield batches start … stop - 1, read ahead by threads."""
        return read_ahead(self.load, self._buffer, start, stop, loaders)

    def _buffer(self) -> np.ndarray:
        dimension = int(self._shards.column("channels")[self._pairs[0][0]])
        return np.empty((len(self._numbers), self._frames, 2 * dimension), np.float16)
