"""Training examples of every stage: stretches of songs, mixed as they are needed, at the level that songs have in use.

Sound is float32, full scale [-1, 1].
Shapes: B batch, T samples, K channels.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from data.musdb.segments import Mixing, Segments
from data.shards.curriculum import Curriculum
from data.shards.loader import Batch, BatchPlan
from data.shards.reader import Shards
from models.separation.config import Augmentation, DenoiserTraining, MaskTraining
from models.separation.level import LEVEL
from models.training.config import FitConfig
from models.training.processes import World


@dataclass(frozen=True)
class Recipe:
    """What training examples are: their length in samples, and how they are made from songs."""

    samples: int
    augmentation: Augmentation


def segments(shards: Shards, recipe: Recipe, fit: FitConfig, world: World) -> Segments:
    """Return the training batches.

    Raises:
        InputError: no training song is long enough.
    """
    mixing = Mixing(recipe.samples, recipe.augmentation.remix, shift=recipe.augmentation.shift, level=LEVEL)
    return Segments(shards, "train", BatchPlan(fit.batch_size, fit.seed, (world.rank, world.size)), mixing)


def with_pretraining(
    songs: Shards, embedded: Path | None, recipe: Recipe, config: MaskTraining | DenoiserTraining, world: World
) -> Segments | Curriculum:
    """Return the training batches: the first ones of songs made here, if the configuration asks for them."""
    real = segments(songs, recipe, config.fit, world)
    if not config.pretraining or embedded is None:
        return real
    return Curriculum([(0, segments(Shards(embedded), recipe, config.fit, world)), (config.pretraining, real)])


def held_out(songs: Shards, recipe: Recipe, count: int = 16) -> Batch:
    """Return a batch of `count` examples of the validation songs, as they are, always the same ones.

    Raises:
        InputError: no validation song is long enough.
    """
    mixing = Mixing(recipe.samples, remix=0.0, gain=(1.0, 1.0), level=LEVEL)
    return Segments(songs, "valid", BatchPlan(count, seed=1), mixing).load(0)


def split_sources(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mixture and vocals of a batch (B, T, 2K), both (B·K, T): each channel becomes an example."""
    values = torch.from_numpy(batch.values).to(device)
    channels = values.shape[-1] // 2
    vocals, rest = values[..., :channels], values[..., channels:]
    return tuple(one.transpose(1, 2).reshape(-1, values.shape[1]) for one in (vocals + rest, vocals))  # type: ignore[return-value]
