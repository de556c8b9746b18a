"""Normalises latents by the mean and the standard deviation of each channel, which are measured over songs.

Diffusion assumes unit variance, and a wrong scale is a common error in latent diffusion. The scale is measured over
vocals and mixtures of the training songs, at the level that songs have inside the networks (`models.separation.level`).

Shapes: B batch, D latent channels, N latent frames, T samples, K channels of sound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError, NotFiniteError
from data.execution import Execution
from data.files.audio import to_float
from data.files.checked_json import read_checked_json, write_checked_json
from data.progress import Progress
from data.shards.reader import Shards
from models.separation.codec import AnyCodec
from models.separation.level import LEVEL, gain_to, root_mean_square

SCALE = "scale.json"
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
    def read(cls, folder: Path) -> "Scaling":
        """Return the scaling that `measure_scale` has written.

        Raises:
            InputError: the file is missing or damaged.
        """
        return cls.from_lists(read_checked_json(folder / SCALE))

    @classmethod
    def from_lists(cls, metadata: Mapping[str, Any]) -> "Scaling":
        """Return the scaling of metadata that hold the lists "mean" and "deviation", D numbers each."""
        return cls(*(torch.tensor(metadata[name])[:, None] for name in ("mean", "deviation")))

    def to_lists(self) -> dict[str, list[float]]:
        """Invert `from_lists`."""
        return {name: getattr(self, name)[:, 0].tolist() for name in ("mean", "deviation")}

    def to(self, device: torch.device) -> "Scaling":
        return Scaling(self.mean.to(device), self.deviation.to(device))

    def normalise(self, latent: Tensor) -> Tensor:
        """Return latents (…, D, N) with zero mean and unit variance per channel."""
        return (latent - self.mean) / self.deviation

    def restore(self, latent: Tensor) -> Tensor:
        """Invert `normalise`."""
        return latent * self.deviation + self.mean

    @torch.no_grad()
    def encoded(self, codec: AnyCodec, waves: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return the normalised latents (B, D, N) of several batches of waveforms (B, T). No gradients are computed."""
        found = self.normalise(codec.encode(torch.cat(waves)).float())
        return found.chunk(len(waves))


def measure_scale(execution: Execution, songs: Path, codec: AnyCodec) -> dict[str, int]:
    """Measure mean and standard deviation of each latent channel over the training songs, and write scale.json.

    Each channel of the vocals and of the mixture of a song is encoded on its own.

    Args:
        execution: the folder for the file, the device, and the listener that receives progress reports.
        songs: folder of shards with vocals and accompaniment of the songs (`data.musdb.vocals`).
        codec: codec whose encoder is used.

    Returns:
        "songs" and latent "frames": what was measured.

    Raises:
        InputError: there is no training song.
        NotFiniteError: a latent is NaN or infinite.

    Example:
        >>> codec = load_codec(Path("codec"), torch.device("cpu"))
        >>> measure_scale(Execution(Path("scale")), Path("songs"), codec)
    """
    shards, device = Shards(songs), torch.device(execution.device)
    rows = [shards.rows(split="train", source=source).tolist() for source in ("vocals", "accompaniment")]
    if not rows[0]:
        raise InputError(f"{songs}: no training song, so latents have no scale")
    progress = Progress("encode songs", total=len(rows[0]), unit="songs", listener=execution.listener)
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for vocals, rest in zip(*rows, strict=True):
        for wave in _waves(shards, vocals, rest):
            frames = encode_long(codec, wave, device).astype(np.float64)
            if not np.isfinite(frames).all():
                raise NotFiniteError(
                    f"a latent of {shards.column('track')[vocals]} is not finite; train the codec again"
                )
            count, total, squares = count + len(frames), total + frames.sum(0), squares + np.square(frames).sum(0)
        progress.advance()
    progress.finish()
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - np.square(mean), 1e-12))
    write_checked_json(execution.folder / SCALE, {"mean": mean.tolist(), "deviation": deviation.tolist()})
    return {"songs": len(rows[0]), "frames": count}


def _waves(shards: Shards, vocals: int, rest: int) -> Iterator[np.ndarray]:
    """Yield each channel of the vocals and of the mixture of a song, (T,) float32."""
    alone, other = to_float(shards.read(vocals)), to_float(shards.read(rest))
    gain = np.float32(gain_to(LEVEL, root_mean_square([alone + other])))
    yield from (gain * alone).T
    yield from (gain * (alone + other)).T


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
        piece = np.ascontiguousarray(wave[begin * hop : (start + stretch + margin) * hop])
        with torch.no_grad():
            latent = codec.encode(torch.from_numpy(piece)[None].to(device))[0].T  # (N, D)
        found.append(latent[start - begin :][:stretch].float().cpu().numpy())
    return np.concatenate(found)
