"""Content features of a published speech encoder: one of its layers at 50 Hz, pooled to 25 Hz and projected.

Meant for Whisper's encoder, whose last layer is what its decoder reads the words from; any encoder of
`models.conversion.melody.load.load_encoder` will do. The projection takes the 256 largest principal components over the
training voices and brings them to similar variances; components that hardly vary are not amplified beyond a limit.

Content frame m covers the samples 640·m to 640·m + 1359; it is a weighted mean of three encoder frames, with weights
such that the mean of their places is its middle, sample 640·m + 680.

Shapes: B batch, S samples, N encoder frames, D features of the encoder, M content frames.
"""

import math
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from data.errors import InputError
from data.execution import Execution
from data.progress import Progress
from data.shards.loader import BatchPlan
from data.voices.config import Mixing
from data.voices.segments import Material, VoiceSegments
from models.conversion.content.config import FEATURES, PublishedContent
from models.conversion.frames import HOP, LEAST, RATE, content_frames
from models.conversion.melody.encoder import Encoder
from models.conversion.melody.load import load_encoder
from models.training.checkpoint import load, save

_WEIGHTS = (0.1875, 0.5, 0.3125)  # of the encoder frames 2m + 1, 2m + 2, 2m + 3: their mean place is 2m + 2.125
_LIMIT = 0.01  # variance, relative to the largest, below which components are not amplified further
_SAMPLES = 10 * RATE  # of the pieces of recordings that the projection is fitted on
_SNR = (0.0, 15.0)  # dB, of the pieces with accompaniment


class PublishedNetwork(nn.Module):
    """Waves (B, S) to content features (B, M, 256), by a published encoder.

    Attributes:
        reach: number of content frames on either side that are worth giving; the encoder attends to all of a piece.
    """

    reach = 50

    def __init__(self, encoder: Encoder, layer: int) -> None:
        """Build the network; its projection is zero until one is loaded or fitted.

        Args:
            encoder: encoder it hears with.
            layer: number of the encoder's layer, -1 for the last.

        Raises:
            InputError: the encoder has no such layer, or fewer than 256 features.
        """
        super().__init__()
        if not -encoder.layers <= layer < encoder.layers:
            raise InputError(f"layer {layer} of an encoder with {encoder.layers} layers; choose one of them")
        if encoder.features < FEATURES:
            raise InputError(f"an encoder with {encoder.features} features; content needs {FEATURES} at least")
        self.encoder, self.layer = encoder, layer
        self.register_buffer("mean", torch.zeros(encoder.features))
        self.register_buffer("matrix", torch.zeros(encoder.features, FEATURES))
        self.mean: Tensor
        self.matrix: Tensor

    def pooled(self, waves: Tensor) -> Tensor:
        """Return the layer on the content grid, (B, M, D), before the projection."""
        frames = self.encoder(waves)[self.layer]  # (B, N, D)
        count = content_frames(waves.shape[1])
        parts = [weight * frames[:, 1 + place :: 2][:, :count] for place, weight in enumerate(_WEIGHTS)]
        return torch.stack(parts).sum(0)

    def features(self, waves: Tensor) -> Tensor:
        """Return the content features, (B, M, 256), of waves (B, S) of at most 30 s for Whisper."""
        return (self.pooled(waves) - self.mean) @ self.matrix


def principal_components(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (D,) and the projection (D, 256) of frames (P, D); projected frames have variances of at most 1.

    Directions have the sign with which their largest weight is positive, so that the result is the same everywhere.
    """
    mean = frames.mean(0)
    centred = (frames - mean).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(frames))
    values, vectors = values.flip(0)[:FEATURES], vectors.flip(1)[:, :FEATURES]
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    scale = (values.clamp(min=0) + _LIMIT * values[0]).sqrt()
    return mean, (vectors * largest.sign() / scale).float()


def write_published_content(
    execution: Execution, voices: Path, encoder: Path, config: PublishedContent
) -> dict[str, float]:
    """Fit the projection of a published encoder on the training voices, and write the content network.

    Args:
        execution: folder of the content network, device, and listener. The folder also gets the encoder's weights.
        voices: folder of the shards of voices.
        encoder: folder of the encoder (`models.conversion.melody.load.load_encoder`).
        config: layer, and how much the projection is fitted on.

    Returns:
        "seconds" of voices used, and the fraction "kept" of the variance.

    Raises:
        InputError: there is no training voice, or no accompaniment where one is wanted, or the encoder is missing,
            damaged or too narrow.

    Example:
        >>> write_published_content(Execution(Path("content")), Path("voices"), Path("whisper"), PublishedContent())
    """
    device = torch.device(execution.device)
    network = PublishedNetwork(load_encoder(encoder, device), config.layer).to(device)
    frames = _sample(execution, voices, network, config)
    mean, matrix = principal_components(frames)
    variance = frames.double().var(0, correction=0).sum()
    kept = ((frames - mean) @ torch.linalg.qr(matrix)[0]).double().var(0, correction=0).sum() / variance
    figures = {"seconds": round(len(frames) / 25, 1), "kept": round(float(kept), 4)}
    source = load(encoder / "model")
    tensors = {name: one for name, one in source.tensors.items() if name.startswith("encoder.")}
    described = {"kind": "published", **asdict(config)}
    metadata = {"content": described, "encoder": source.metadata["encoder"], "figures": figures}
    save(execution.folder / "model", {**tensors, "mean": mean.contiguous(), "matrix": matrix.contiguous()}, metadata)
    return figures


@torch.no_grad()
def _sample(execution: Execution, voices: Path, network: PublishedNetwork, config: PublishedContent) -> Tensor:
    """Return pooled frames (P, D) of training voices, in random order, up to the seconds that were asked for."""
    mixing = Mixing(_SAMPLES, config.mixed, _SNR)
    segments = VoiceSegments(Material(voices), BatchPlan(1, config.seed), mixing)
    found, seconds = [torch.zeros(0, network.encoder.features)], 0.0
    progress = Progress("content projection", total=math.ceil(config.seconds), unit="s", listener=execution.listener)
    for step in range(segments.per_epoch):
        if seconds >= config.seconds:
            break
        batch = segments.load(step)
        length = (int(batch.labels["inside"].sum()) - 1) * HOP  # what follows is silence that fills it up
        if length >= LEAST:
            wave = torch.from_numpy(batch.values[:, :length, 1].copy())
            found.append(network.pooled(wave.to(execution.device))[0].cpu())
        seconds += length / RATE
        progress.advance(round(length / RATE))
    progress.finish()
    frames = torch.cat(found)
    if not len(frames):
        raise InputError(f"{voices}: no training voice that is long enough; add recordings")
    return frames
