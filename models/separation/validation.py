"""Validates networks of the separation system on songs that are not trained on.

Sound is float32, full scale [-1, 1].
Shapes: T samples, K channels.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from data.files.audio import to_float
from data.shards.reader import Shards
from models.separation.level import LEVEL, gain_to, root_mean_square
from models.training.stage import Figures


class Validation:
    """Evaluates a network on the beginnings of the validation songs; beginnings without vocals are left out."""

    def __init__(self, shards: Shards, seconds: float, device: torch.device) -> None:
        """Choose the songs.

        Args:
            shards: shards with vocals and accompaniment of the songs.
            seconds: seconds evaluated of each song, from its beginning.
            device: device to compute on.
        """
        self._shards, self._device = shards, device
        self._length = int(seconds * shards.column("sample_rate")[0])
        vocals, rest = (shards.rows(split="valid", source=source) for source in ("vocals", "accompaniment"))
        self._pairs = list(zip(vocals.tolist(), rest.tolist(), strict=True))
        self._gains: dict[tuple[int, int], np.float32] = {}  # what brings a song to `LEVEL`, measured once

    def figures(self, work: Callable[[Tensor, Tensor], Tensor]) -> Figures:
        """Return the median SDR over the songs, as "sdr" in dB; empty if there is no song with vocals.

        Args:
            work: function from the mixture and the true vocals, both (K, T), to the estimated vocals (K, T).
        """
        found = []
        for pair in self._pairs:
            length = min(self._length, *(int(self._shards.column("frames")[row]) for row in pair))
            vocals, rest = (to_float(self._shards.segment(row, 0, length)).T for row in pair)
            if not vocals.any():
                continue
            gain = self._gain(pair)
            true, other = (torch.from_numpy(gain * one).to(self._device) for one in (vocals, rest))
            estimate = work(true + other, true)
            found.append(10 * torch.log10(true.square().sum() / (true - estimate).square().sum()).item())
        return {"sdr": float(np.median(found))} if found else {}

    def _gain(self, pair: tuple[int, int]) -> np.float32:
        """Return the factor that brings the whole song of two recordings to `LEVEL`."""
        if pair not in self._gains:
            vocals, rest = (to_float(self._shards.read(row)) for row in pair)
            self._gains[pair] = np.float32(gain_to(LEVEL, root_mean_square([vocals + rest])))
        return self._gains[pair]
