"""Units of sound, found in voices without transcripts: clusters of cepstra that are normalised for each singer.

A cepstrum tells the shape of the vocal tract; the mean and the deviation over a singer's frames tell the singer and the
microphone, and are taken away. What is left is about what is sung. Unit 0 is silence.

Shapes: B batch, S samples, T filter-bank frames, M content frames, C cepstra, K units apart from silence.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from data.progress import Listener, Progress
from data.voices.index import Voices
from models.conversion.content.bank import log_bank
from models.conversion.content.config import UnitsConfig
from models.conversion.frames import LEAST

_BANDS = 40  # few, so that single harmonics of high voices are not told apart
_LONGEST = 320_000  # samples of a recording that are used, 20 s
_RATIO = 10 / math.log(10)  # dB per neper of power


def cepstra(waves: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return cepstra and levels on the content grid.

    Args:
        waves: (B, S) float32, 16 kHz, with at least one content frame.
        count: number of cepstral coefficients C, from the first on; the zeroth, the level, is left out.

    Returns:
        Cepstra (B, M, C), and levels in dB (B, M); each is the mean over the seven filter-bank frames that a content
        frame covers.
    """
    bank = log_bank(waves, _BANDS)  # (B, T, 40)
    order = torch.arange(1, count + 1, device=waves.device)
    band = (torch.arange(_BANDS, device=waves.device) + 0.5) * math.pi / _BANDS
    found = bank @ torch.cos(band[:, None] * order) * (2 / _BANDS)  # (B, T, C)
    both = torch.cat([found, bank.exp().sum(2, keepdim=True).log() * _RATIO], 2)
    pooled = both.unfold(1, 7, 4).mean(3)  # (B, M, C + 1)
    return pooled[..., :-1], pooled[..., -1]


@dataclass(frozen=True)
class Units:
    """Units that were found.

    Attributes:
        centres: (K, C) normalised cepstra of the units.
        silence: level in dB below the loudest frame of a recording at which silence begins.
    """

    centres: Tensor
    silence: float

    @property
    def count(self) -> int:
        """Number of units, silence included."""
        return len(self.centres) + 1

    def name(self, waves: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """Return the unit of every frame, (B, M) int64.

        Args:
            waves: (B, S) float32, voices without accompaniment.
            mean: (B, C) mean of the cepstra of the singer.
            deviation: (B, C) standard deviation.
        """
        found, level = cepstra(waves, self.centres.shape[1])
        normal = (found - mean[:, None]) / deviation[:, None]
        nearest = torch.cdist(normal, self.centres.to(normal.device)[None]).argmin(2) + 1
        return torch.where(level < level.amax(1, keepdim=True) - self.silence, 0, nearest)


@dataclass(frozen=True)
class SingerStatistics:
    """Mean and standard deviation of the cepstra of each singer, (singers, C) each, in the order of `names`."""

    names: tuple[str, ...]
    mean: Tensor
    deviation: Tensor

    def rows(self, singers: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return means and deviations of some singers, (len(singers), C) each."""
        places = [self.names.index(one) for one in singers]
        return self.mean[places], self.deviation[places]


def find_units(voices: Voices, config: UnitsConfig, seed: int, listener: Listener) -> tuple[Units, SingerStatistics]:
    """Find units in the voices of the split "train", and the statistics of the singers of all splits.

    Args:
        voices: clips of singers.
        config: number of units and what they are made of.
        seed: seed of the first centres.
        listener: receives progress reports.

    Raises:
        InputError: the training voices have fewer frames that are no silence than there are units.
    """
    frames: dict[str, list[Tensor]] = {}
    training: set[str] = set()
    clips = [one for one in voices.sung() if one.samples >= LEAST]
    progress = Progress("units of sound", total=len(clips), unit="clips", listener=listener)
    for clip in clips:
        wave = torch.from_numpy(voices.wave(clip.voice)[:_LONGEST])
        found, level = cepstra(wave[None], config.cepstra)
        frames.setdefault(clip.singer, []).append(found[level >= level.max() - config.silence])
        if clip.split == "train":
            training.add(clip.singer)
        progress.advance()
    progress.finish()
    names = tuple(sorted(frames))
    joined = [torch.cat(frames[name]) for name in names]
    mean = torch.stack([one.mean(0) for one in joined])
    deviation = torch.stack([one.std(0, correction=0) for one in joined]) + 1e-3
    normal = [(one - mean[place]) / deviation[place] for place, one in enumerate(joined) if names[place] in training]
    heard = torch.cat(normal) if normal else torch.zeros(0, config.cepstra)
    if len(heard) < config.units:
        raise InputError(
            f"{voices.shards.folder}: {len(heard)} frames of singing for {config.units} units; add recordings"
        )
    draw = np.random.default_rng(seed)
    heard = heard[torch.from_numpy(np.sort(draw.permutation(len(heard))[: config.frames]))]
    centres = k_means(heard, config.units, config.rounds, draw)
    return Units(centres, config.silence), SingerStatistics(names, mean, deviation)


def k_means(points: Tensor, count: int, rounds: int, draw: np.random.Generator) -> Tensor:
    """Return centres of clusters, (count, C), of points (P, C) with P at least `count`.

    The first centres are points drawn in proportion to the squared distance from those drawn before (k-means++). A
    cluster that loses all its points keeps its centre.
    """
    chosen = [int(draw.integers(len(points)))]
    nearest = (points - points[chosen[0]]).square().sum(1)
    while len(chosen) < count:
        total = torch.cumsum(nearest.double(), 0)
        place = int(torch.searchsorted(total, draw.random() * float(total[-1])))
        chosen.append(min(place, len(points) - 1))
        nearest = torch.minimum(nearest, (points - points[chosen[-1]]).square().sum(1))
    centres = points[chosen].clone()
    for _ in range(rounds):
        owner = torch.cdist(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, owner, points)
        sizes = torch.bincount(owner, minlength=count)[:, None]
        centres = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres)
    return centres


def described(units: Units) -> dict[str, Any]:
    """Return the values of the units for model.json."""
    return {"silence": units.silence, "centres": units.centres.tolist()}
