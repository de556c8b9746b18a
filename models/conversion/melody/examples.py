"""Training examples of the melody networks: voices, their mixtures and their melodies as tensors.

Shapes: B batch, T samples, N = 1 + floor(T / 160) melody frames.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from data.shards.loader import Batch, BatchPlan
from data.voices.config import Mixing
from data.voices.segments import Material, VoiceSegments
from models.training.config import FitConfig
from models.training.processes import World


@dataclass(frozen=True)
class Examples:
    """A batch on the training device.

    Attributes:
        voices: voices alone, (B, T) float32.
        mixtures: the same with accompaniment, (B, T) float32.
        targets: melodies, (B, N, 3) float32: F0 in Hz with 0 where unvoiced, ln of the RMS, voicing.
    """

    voices: Tensor
    mixtures: Tensor
    targets: Tensor


def as_tensors(batch: Batch, device: torch.device) -> Examples:
    """Return a batch of `voice_segments` as tensors."""
    values = torch.from_numpy(batch.values).to(device)
    voices, mixtures = (values[..., place].contiguous() for place in (0, 1))
    return Examples(voices, mixtures, torch.from_numpy(batch.labels["target"]).to(device))


def voice_segments(material: Material, mixing: Mixing, fit: FitConfig, world: World) -> VoiceSegments:
    """Return the batches of a training.

    Raises:
        InputError: there is no voice of the split, or no accompaniment where one is wanted.
    """
    plan = BatchPlan(fit.batch_size, fit.seed, (world.rank, world.size))
    return VoiceSegments(material, plan, mixing)
